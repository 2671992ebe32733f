import { hasBidi, showBidi } from "./bidi.js";
import { element } from "./elements.js";

/** Text of more lines or characters is laid out in pieces: a line that grows costs as much as it is long. */
const pieceLines = 50;
const pieceLength = 4000;
/** A piece of so many characters ends with its line. */
const wholeLines = 2000;

/** Plain text that grows: what is appended is all that is drawn. */
export class GrowingText {
  /** The text of the last piece; what is before it stays as it is. */
  private last: { node: Text; lines: number } | undefined;

  constructor(private readonly root: HTMLElement) {}

  append(text: string): void {
    for (const line of text.match(/[^\n]*\n|[^\n]+/g) ?? []) {
      for (let at = 0; at < line.length; at += pieceLength) this.appendPiece(line.slice(at, at + pieceLength));
    }
  }

  /** Shows `nodes` in place of the text so far. */
  replace(...nodes: Node[]): void {
    this.root.replaceChildren(...nodes);
    this.last = undefined;
  }

  private appendPiece(piece: string): void {
    if (!this.last || this.last.lines >= pieceLines || this.last.node.length + piece.length > pieceLength) {
      const node = document.createTextNode("");
      this.root.append(element("span", "piece", node));
      this.last = { node, lines: 0 };
    }
    const { node } = this.last;
    node.appendData(piece);
    if (piece.endsWith("\n")) this.last.lines += node.length > wholeLines ? pieceLines : 1;
    if (hasBidi(piece) && node.parentElement) {
      showBidi(node.parentElement);
      this.last = undefined;
    }
  }
}
