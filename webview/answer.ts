import * as l10n from "@vscode/l10n";
import { answerEnd } from "./answerEnd.js";
import { hasBidi, showBidi } from "./bidi.js";
import { CodeBlock } from "./codeBlock.js";
import { element } from "./elements.js";
import { GrowingMarkdown } from "./growingMarkdown.js";
import type { Block } from "./markdown.js";
import type { AssistantMessage, ShownMessage, Thought } from "./messages.js";
import { toNodes } from "./sanitise.js";
import type { Speech } from "./speech.js";
import { ThoughtView } from "./thought.js";

/** Longest that drawing may take before the page can react again, in milliseconds. */
const longestStep = 8;
/** Drawing takes at most this share of the time: text that is costly to draw comes in larger steps. */
const drawingShare = 0.15;
/** Longest that text waits to be drawn, in milliseconds. */
const longestWait = 500;

interface View {
  /** What it was made from, where that is HTML. */
  html?: string;
  code?: CodeBlock;
  node: HTMLElement;
}

/** One answer. While it grows, only its last blocks are drawn anew: a selection or a focused button above stays. */
export class Answer {
  readonly root = element("article", "message assistant");
  private readonly body = element("div", "body markdown");
  private readonly end = element("div", "end");
  private thought: ThoughtView | undefined;
  private views: View[] = [];
  private markdown = new GrowingMarkdown();
  private text = "";
  private isStreaming = false;
  private timer = 0;
  private frame = 0;
  private notBefore = 0;
  private shown = "";

  /**
   * @param onDrawn called when the answer may have become longer
   * @param speech is told what the answer says while it grows
   */
  constructor(
    private readonly onDrawn: () => void,
    private readonly speech: Speech,
  ) {
    this.root.dataset["role"] = "assistant";
    this.root.ariaLabel = "Flint";
    this.root.append(this.body, this.end);
  }

  /** More of what is thought before it. */
  think(more: Thought): void {
    const view = this.thoughtView();
    if (!view.isOpen) this.speech.tell(l10n.t("The model is thinking."));
    view.append(more);
  }

  append(text: string): void {
    this.thought?.close();
    this.text += text;
    this.markdown.add(text);
    this.speech.add(text);
    this.drawSoon();
  }

  /** @param isLast whether it can be asked for again. */
  show(message: AssistantMessage & ShownMessage, isLast: boolean): void {
    // The conversation is sent whole for every change: most answers did not.
    const key = JSON.stringify([message, isLast]);
    if (key === this.shown) return;
    const isNew = this.shown === "";
    this.shown = key;
    const isStreaming = message.state === "streaming";
    if (isNew && isStreaming) this.speech.begin();
    // Its end was taken for the end of its last block.
    if (!isNew && isStreaming && !this.isStreaming) this.restart();
    this.become(message.text);
    if (message.thought) this.thoughtView().show(message.thought, isStreaming && message.text === "");
    if (this.isStreaming && !isStreaming) this.speech.end(message.problem?.message);
    this.isStreaming = isStreaming;
    this.root.dataset["state"] = message.state;
    this.draw();
    this.end.replaceChildren(...answerEnd(message, isLast));
  }

  private thoughtView(): ThoughtView {
    if (!this.thought) {
      this.thought = new ThoughtView();
      this.body.before(this.thought.root);
    }
    return this.thought;
  }

  private become(text: string): void {
    if (text.startsWith(this.text)) {
      const more = text.slice(this.text.length);
      this.markdown.add(more);
      if (this.isStreaming && this.text !== "") this.speech.add(more);
    } else {
      this.markdown = new GrowingMarkdown();
      this.markdown.add(text);
      for (const { node } of this.views.splice(0)) node.remove();
    }
    this.text = text;
  }

  private restart(): void {
    this.markdown = new GrowingMarkdown();
    this.markdown.add(this.text);
  }

  private drawSoon(): void {
    if (this.timer !== 0) return;
    const wait = Math.max(this.notBefore - performance.now(), 0);
    const draw = () => {
      this.frame = requestAnimationFrame(() => this.draw());
    };
    // It stays set until the frame: what comes meanwhile must not be drawn in the same one once more.
    this.timer = window.setTimeout(draw, wait);
  }

  private draw(): void {
    window.clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.timer = 0;
    const began = performance.now();
    while (this.markdown.isBehind && performance.now() - began < longestStep) this.update(this.markdown.step());
    if (!this.markdown.isBehind && !this.isStreaming) this.update(this.markdown.end());
    this.onDrawn();
    const took = performance.now() - began;
    this.notBefore = began + took + (this.isStreaming ? Math.min(took / drawingShare, longestWait) : 0);
    if (this.markdown.isBehind) this.drawSoon();
  }

  private update(first: number): void {
    const { blocks } = this.markdown;
    for (let index = first; index < blocks.length; index++) {
      const block = blocks[index];
      if (block) this.updateBlock(index, block);
    }
    for (const { node } of this.views.splice(blocks.length)) node.remove();
    this.body.classList.toggle("long", blocks.length > 60);
  }

  private updateBlock(index: number, block: Block): void {
    const before = this.views[index];
    if (block.kind === "code" && before?.code?.info === block.info) {
      before.code.show(block.code, block.closed);
      return;
    }
    if (block.kind === "html" && before?.html === block.html) return;
    const view = block.kind === "code" ? codeView(block) : htmlView(block.html);
    if (before) before.node.replaceWith(view.node);
    else this.body.append(view.node);
    this.views[index] = view;
  }
}

function codeView({ info, code, closed }: Block & { kind: "code" }): View {
  const shown = new CodeBlock(info);
  shown.show(code, closed);
  return { code: shown, node: element("div", "block", shown.root) };
}

function htmlView(html: string): View {
  const node = element("div", "block", toNodes(html));
  if (hasBidi(html)) showBidi(node);
  // Code inside of lists and quotes.
  for (const block of node.querySelectorAll<HTMLElement>(".code-block")) {
    const shown = new CodeBlock(block.dataset["language"] ?? "");
    shown.show(block.querySelector("code")?.textContent ?? "", true);
    block.replaceWith(shown.root);
  }
  for (const table of node.querySelectorAll("table")) {
    // Wide tables scroll, and must do so by keyboard too.
    const scroller = element("div", "table-scroller");
    scroller.tabIndex = 0;
    scroller.role = "group";
    scroller.ariaLabel = l10n.t("Table");
    table.replaceWith(scroller);
    scroller.append(table);
  }
  return { html, node };
}
