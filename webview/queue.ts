import * as l10n from "@vscode/l10n";
import { element, iconButton } from "./elements.js";
import { postToSession } from "./host.js";
import type { ShownQueued } from "./messages.js";

/** The questions that wait for the answer under way to end. */
export class Queue {
  readonly root = element("section", "queue");
  private shown = "";

  /** @param onEdit called when a person wants to change one */
  constructor(private readonly onEdit: (id: string, text: string) => void) {
    this.root.ariaLabel = l10n.t("Queued questions");
    this.root.hidden = true;
  }

  /** @param busy an answer is under way: the questions are asked by themselves when it has ended */
  show(queue: readonly ShownQueued[], busy: boolean): void {
    const key = JSON.stringify([queue, busy]);
    if (key === this.shown) return;
    this.shown = key;
    const focused = this.root.contains(document.activeElement);
    this.root.hidden = queue.length === 0;
    const words = busy ? l10n.t("Queued: asked when the answer has ended") : l10n.t("Queued: not asked yet");
    const list = element("ul", "", ...queue.map((question) => this.item(question)));
    this.root.replaceChildren(element("p", "", words), list);
    // The button that was pressed has gone: its place in the order of tabs must not get lost with it.
    const next = focused && this.root.querySelector("vscode-toolbar-button");
    if (next) void next.updateComplete.then(() => next.focus());
  }

  private item({ id, text, labels }: ShownQueued): HTMLElement {
    const words = element("span", "text", [text, ...labels].join(" · "));
    words.title = text;
    const item = element(
      "li",
      "",
      words,
      iconButton("send", l10n.t("Ask now"), () => postToSession({ type: "sendQueued", id })),
      iconButton("edit", l10n.t("Edit queued question"), () => this.onEdit(id, text)),
      iconButton("trash", l10n.t("Remove queued question"), () => postToSession({ type: "removeQueued", id })),
    );
    item.dataset["role"] = "queued";
    return item;
  }
}
