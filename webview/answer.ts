import { copyButton, element, iconButton } from "./elements.js";
import { post } from "./host.js";
import { renderBlocks } from "./markdown.js";
import type { AssistantMessage } from "./messages.js";
import { problemBox } from "./problem.js";
import { toNodes } from "./sanitise.js";

/** One answer. While it grows, only its last blocks are drawn anew: a selection or a focused button above stays. */
export class Answer {
  readonly root = element("article", "message assistant");
  private readonly body = element("div", "body markdown");
  private readonly end = element("div", "end");
  private blocks: { html: string; node: HTMLElement }[] = [];
  private text = "";
  private frame = 0;
  private shown = "";

  /** @param onDrawn called when the answer may have become longer. */
  constructor(private readonly onDrawn: () => void) {
    this.root.dataset["role"] = "assistant";
    this.root.ariaLabel = "Flint";
    this.root.append(this.body, this.end);
  }

  append(text: string): void {
    this.text += text;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** @param isLast whether it can be asked for again. */
  show(message: AssistantMessage, isLast: boolean): void {
    // The conversation is sent whole for every change: most answers did not.
    const key = JSON.stringify([message, isLast]);
    if (key === this.shown) return;
    this.shown = key;
    this.text = message.text;
    this.root.dataset["state"] = message.state;
    // Screen readers wait with what is busy: they get the answer as a whole, not letter by letter.
    this.root.ariaBusy = String(message.state === "streaming");
    this.draw();
    this.end.replaceChildren(...this.endOf(message, isLast));
  }

  private endOf(message: AssistantMessage, isLast: boolean): HTMLElement[] {
    if (message.state === "streaming") return [];
    const row = element("div", "row");
    if (message.text !== "") row.append(copyButton("Copy answer", () => post({ type: "copy", text: this.text })));
    if (isLast && !message.problem) {
      row.append(iconButton("refresh", "Ask again", () => post({ type: "act", action: { kind: "askAgain" } })));
    }
    const stopped = message.state === "stopped" ? ["Stopped"] : [];
    const detail = [...stopped, ...(message.detail ? [message.detail] : [])].join(" · ");
    row.append(element("span", "detail", detail));
    return message.problem ? [problemBox(message.problem), row] : [row];
  }

  private draw(): void {
    const rendered = renderBlocks(this.text);
    rendered.forEach((html, index) => {
      const before = this.blocks[index];
      if (before?.html === html) return;
      const node = element("div", "block", toNodes(html));
      for (const block of node.querySelectorAll<HTMLElement>(".code-block")) addToolbar(block);
      if (before) before.node.replaceWith(node);
      else this.body.append(node);
      this.blocks[index] = { html, node };
    });
    for (const { node } of this.blocks.splice(rendered.length)) node.remove();
    this.onDrawn();
  }
}

function addToolbar(block: HTMLElement): void {
  const code = block.querySelector("code");
  const language = element("span", "language", block.dataset["language"] ?? "");
  const text = () => code?.textContent ?? "";
  const copy = copyButton("Copy code", () => post({ type: "copy", text: text() }));
  const insert = iconButton("insert", "Insert at cursor", () => post({ type: "insert", text: text() }));
  // Wide code scrolls, and must do so by keyboard too.
  const scroller = block.querySelector("pre");
  if (scroller) {
    scroller.tabIndex = 0;
    scroller.ariaLabel = "Code";
  }
  block.prepend(element("div", "toolbar", language, copy, insert));
}
