import * as l10n from "@vscode/l10n";
import { hasBidi, showBidi } from "./bidi.js";
import { copyButton, element, iconButton } from "./elements.js";
import { parseFenceInfo } from "./fence.js";
import { GrowingText } from "./growingText.js";
import { highlight } from "./highlight.js";
import { post } from "./host.js";
import { toNodes } from "./sanitise.js";

/** Colours come while code is written at most so often: this share of the time goes into them. */
const highlightShare = 0.05;

/** A block of code with its buttons. Appended text is all that is drawn; colours come now and then, and at its end. */
export class CodeBlock {
  readonly root: HTMLElement;
  private readonly code = element("code", "hljs");
  private readonly language: string;
  private readonly shown = new GrowingText(this.code);
  private text = "";
  private closed = false;
  private nextHighlight = 0;

  constructor(readonly info: string) {
    const { language, path } = parseFenceInfo(info);
    this.language = language;
    const scroller = element("pre", "", this.code);
    // Wide code scrolls, and must do so by keyboard too.
    scroller.tabIndex = 0;
    scroller.role = "group";
    scroller.ariaLabel = language ? l10n.t("Code in {0}", language) : l10n.t("Code");
    this.root = element("div", "code-block unfinished", this.toolbar(language, path), scroller);
    this.root.dataset["language"] = language;
  }

  /** @param closed whether no more will come */
  show(text: string, closed: boolean): void {
    if (text === this.text && closed === this.closed) return;
    if (text.startsWith(this.text)) {
      this.shown.append(text.slice(this.text.length));
    } else {
      this.shown.replace();
      this.shown.append(text);
    }
    this.text = text;
    this.closed = closed;
    this.root.classList.toggle("unfinished", !closed);
    if (closed || performance.now() >= this.nextHighlight) this.highlight();
  }

  private highlight(): void {
    const began = performance.now();
    const html = highlight(this.text, this.language.toLowerCase());
    if (html === undefined) {
      this.nextHighlight = Number.POSITIVE_INFINITY;
      return;
    }
    const nodes = toNodes(html);
    if (hasBidi(this.text)) showBidi(nodes);
    this.shown.replace(nodes);
    const ended = performance.now();
    this.nextHighlight = ended + (ended - began) / highlightShare;
  }

  private toolbar(language: string, path: string | undefined): HTMLElement {
    const label = element("span", "language", path ?? language);
    label.title = path ?? language;
    const about = { text: () => this.text, language, path };
    const button = (icon: string, name: string, type: "insert" | "runInTerminal") =>
      iconButton(icon, name, () => post({ type, text: about.text() }));
    const fileButton = (icon: string, name: string, type: "apply" | "newFile") =>
      iconButton(icon, name, () => post({ type, text: about.text(), language, path }));
    return element(
      "div",
      "toolbar",
      label,
      copyButton(l10n.t("Copy code"), () => post({ type: "copy", text: this.text })),
      button("insert", l10n.t("Insert at cursor"), "insert"),
      fileButton("git-pull-request-go-to-changes", l10n.t("Apply to file"), "apply"),
      fileButton("new-file", l10n.t("New file"), "newFile"),
      button("terminal", l10n.t("Run in terminal"), "runInTerminal"),
    );
  }
}
