import * as l10n from "@vscode/l10n";
import { element } from "./elements.js";
import { Sentences } from "./sentences.js";

/** What screen readers are told of an answer that is being written: sentences, when they have ended. */
export class Speech {
  /** Seen by nobody. Sentences are added to it, and go when some have come after them. */
  readonly root = element("div", "unseen");
  private sentences = new Sentences();

  constructor() {
    this.root.role = "log";
    this.root.ariaLive = "polite";
    this.root.ariaLabel = l10n.t("Answer as it is written");
  }

  begin(): void {
    this.sentences = new Sentences();
    this.root.replaceChildren();
  }

  add(text: string): void {
    this.say(this.sentences.add(text));
  }

  /** Says something about the answer. */
  tell(sentence: string): void {
    this.say([sentence]);
  }

  /** @param more what there is to say about how it ended */
  end(more?: string): void {
    this.say([...this.sentences.end(), ...(more === undefined ? [] : [more])]);
  }

  private say(sentences: readonly string[]): void {
    for (const sentence of sentences) this.root.append(element("p", "", sentence));
    while (this.root.children.length > 20) this.root.firstElementChild?.remove();
  }
}
