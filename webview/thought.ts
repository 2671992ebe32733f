import * as l10n from "@vscode/l10n";
import { element, textButton } from "./elements.js";
import { GrowingText } from "./growingText.js";
import { postToSession } from "./host.js";
import type { Thought } from "./messages.js";
import { integer } from "./numbers.js";

/** What a model thinks before it answers: folded, with how long it took, and a button that ends it. */
export class ThoughtView {
  readonly root = element("div", "thought");
  private readonly summary = element("summary", "");
  private readonly words = element("div", "text");
  private readonly shown = new GrowingText(this.words);
  private readonly answerNow = textButton(l10n.t("Answer now"), () => this.end(), { secondary: true });
  private thought: Thought = { text: "", tokens: 0, durationMs: 0 };
  private open = false;

  constructor() {
    this.words.tabIndex = 0;
    this.words.role = "group";
    this.words.ariaLabel = l10n.t("Thought");
    this.answerNow.title = l10n.t("End the thought, and let the answer begin");
    this.root.append(element("details", "", this.summary, this.words), this.answerNow);
  }

  /** Whether the answer has not begun. */
  get isOpen(): boolean {
    return this.open;
  }

  show(thought: Thought, isOpen: boolean): void {
    if (!thought.text.startsWith(this.thought.text)) {
      this.shown.replace();
      this.thought.text = "";
    }
    this.append({ ...thought, text: thought.text.slice(this.thought.text.length) });
    if (!isOpen) this.close();
  }

  /** It goes on. */
  append({ text, tokens, durationMs }: Thought): void {
    this.shown.append(text);
    this.thought = { text: this.thought.text + text, tokens, durationMs };
    this.describe(true);
  }

  /** It has ended. */
  close(): void {
    if (this.open) this.describe(false);
  }

  private describe(open: boolean): void {
    if (open && !this.open) this.answerNow.hidden = false;
    this.open = open;
    const seconds = Math.round(this.thought.durationMs / 1000);
    const tokens = integer(this.thought.tokens);
    this.summary.textContent = open
      ? l10n.t("Thinking: {0} s, {1} tokens", seconds, tokens)
      : l10n.t("Thought for {0} s, {1} tokens", seconds, tokens);
    if (!open) this.answerNow.hidden = true;
  }

  private end(): void {
    this.answerNow.hidden = true;
    // The button that had the focus is gone.
    this.summary.focus();
    postToSession({ type: "answerNow" });
  }
}
