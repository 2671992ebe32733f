import { type Block, type Environment, isFenceEnd, parseBlocks } from "./markdown.js";

/** So much text is parsed at once, in characters: a few milliseconds, whatever is in it. */
const slice = 2048;
/** A block that has grown longer is ended at a line, so that the work for each token has a bound: in characters of source. */
const longestBlock = 6144;
/** What a block may cost to draw: see {@link weightOf}. */
const heaviest = 12_000;

/** A fence that is open: what follows is code, without looking at it twice. */
interface OpenFence {
  block: Block & { kind: "code" };
  markup: string;
  /** Blanks before the fence, which its lines may have too. */
  indent: number;
  /** The line that has not ended. */
  line: string;
  /** The code up to there. */
  code: string;
}

/**
 * An answer that grows. What is finished is never parsed again: only the last two blocks are, since a blank line between
 * them may turn out not to end the first.
 */
export class GrowingMarkdown {
  private readonly all: Block[] = [];
  /** How many of the blocks can't change any more. */
  private settled = 0;
  /** The source of the others. */
  private tail = "";
  private fence: OpenFence | undefined;
  private readonly environment: Environment = {};
  private waiting = "";

  get blocks(): readonly Block[] {
    return this.all;
  }

  /** Whether there is text that {@link step} has not looked at. */
  get isBehind(): boolean {
    return this.waiting !== "";
  }

  add(text: string): void {
    this.waiting += text;
  }

  /** Looks at some more of the text. @returns index of the first block that may have changed */
  step(): number {
    const first = this.settled;
    const piece = this.waiting.slice(0, slice);
    this.waiting = this.waiting.slice(slice);
    if (this.fence) this.growFence(this.fence, piece);
    else this.growTail(piece);
    return first;
  }

  /** There will be no more text. @returns index of the first block that may have changed */
  end(): number {
    const first = this.settled;
    if (this.fence) this.closeFence(this.fence, "");
    this.settled = this.all.length;
    this.tail = "";
    return first;
  }

  private growTail(piece: string): void {
    this.tail += piece;
    const parsed = parseBlocks(this.tail, this.environment);
    this.all.splice(this.settled, this.all.length, ...parsed.map(({ block }) => block));
    const last = parsed.at(-1);
    if (!last) return;
    if (last.block.kind === "code" && !last.block.closed && this.openFence(last.block, last.firstLine)) return;
    const keep = Math.min(2, parsed.length);
    this.settle(parsed.length - keep, parsed[parsed.length - keep]?.firstLine ?? 0);
    const { block } = last;
    if (this.tail.length > longestBlock || weightOf(block) > heaviest) this.cut();
  }

  /** The first `count` blocks of the tail are finished; the rest begins at `line`. */
  private settle(count: number, line: number): void {
    if (count === 0) return;
    this.settled += count;
    this.tail = this.tail.slice(offsetOf(this.tail, line));
  }

  /** Ends what is too long: at its last item, or its last line, or here. */
  private cut(): void {
    const items = [...this.tail.matchAll(/^(?:[-*+]|\d{1,9}[.)]) /gm)];
    const at = items.at(-1)?.index || this.tail.lastIndexOf("\n") + 1 || this.tail.length;
    const rest = this.tail.slice(at);
    const parsed = parseBlocks(this.tail.slice(0, at), this.environment);
    this.all.splice(this.settled, this.all.length, ...parsed.map(({ block }) => block));
    this.settled = this.all.length;
    this.tail = rest;
    if (rest !== "") this.all.push(...parseBlocks(rest, this.environment).map(({ block }) => block));
  }

  /** @returns false while the line that opens it may go on */
  private openFence(block: Block & { kind: "code" }, firstLine: number): boolean {
    const source = this.tail.slice(offsetOf(this.tail, firstLine));
    const head = /^( {0,3})(`{3,}|~{3,})[^\n]*\n/.exec(source);
    if (!head) return false;
    this.settled = this.all.length - 1;
    this.tail = "";
    const fence = { block, markup: head[2] ?? "```", indent: head[1]?.length ?? 0, line: "", code: "" };
    this.fence = fence;
    this.growFence(fence, source.slice(head[0].length));
    return true;
  }

  private growFence(fence: OpenFence, piece: string): void {
    const lines = (fence.line + piece).split("\n");
    const last = lines.pop() ?? "";
    for (const [index, line] of lines.entries()) {
      if (isFenceEnd(line, fence.markup)) {
        const rest = [...lines.slice(index + 1), last].join("\n");
        this.closeFence(fence, undefined);
        this.growTail(rest);
        return;
      }
      fence.code += `${this.outdented(line, fence)}\n`;
    }
    fence.line = last;
    // What may become the end of the fence is not shown as code.
    const mayEnd = /^ {0,3}[`~]*[ \t]*$/.test(last) && fence.markup[0] === last.trim()[0];
    this.replaceLast({ ...fence.block, code: fence.code + (mayEnd ? "" : this.outdented(last, fence)), closed: false });
  }

  /** @param line what is left when the text has ended; undefined when the fence has */
  private closeFence(fence: OpenFence, line: string | undefined): void {
    const left = line === undefined || isFenceEnd(fence.line, fence.markup) ? "" : this.outdented(fence.line, fence);
    this.replaceLast({ ...fence.block, code: fence.code + left, closed: true });
    this.settled = this.all.length;
    this.fence = undefined;
    this.tail = "";
  }

  private outdented(line: string, { indent }: OpenFence): string {
    return indent === 0 ? line : line.replace(new RegExp(`^ {0,${indent}}`), "");
  }

  private replaceLast(block: Block): void {
    this.all[this.all.length - 1] = block;
  }
}

/**
 * What it costs to draw a block: the characters of its HTML, and more for each item of a list and each character that
 * would turn text around, which is shown by an element of its own.
 */
function weightOf(block: Block): number {
  if (block.kind !== "html") return 0;
  const elements = block.html.match(/<li|[\u202A-\u202E\u2066-\u2069]/g)?.length ?? 0;
  return block.html.length + 20 * elements;
}

function offsetOf(text: string, line: number): number {
  let offset = 0;
  for (let index = 0; index < line; index++) offset = text.indexOf("\n", offset) + 1;
  return offset;
}
