import { diffOfLines, pairsOf } from "./lineDiff.js";

const byteOrderMark = "\uFEFF";

/** A text file taken apart: its lines, and what an edit has to keep of the rest. */
export class SourceText {
  readonly lines: readonly string[];
  private readonly ends: readonly string[];
  private readonly bom: string;
  /** The line ends behind the last line: none, one, or blank lines too. */
  private readonly tail: string;
  private readonly usualEnd: string;

  constructor(text: string) {
    this.bom = text.startsWith(byteOrderMark) ? byteOrderMark : "";
    const pieces = text.slice(this.bom.length).split(/(\r\n|\n|\r)/);
    const lines = pieces.filter((_, index) => index % 2 === 0);
    const ends = pieces.filter((_, index) => index % 2 === 1);
    this.usualEnd = mostFrequent(ends) ?? "\n";
    let last = lines.length;
    while (last > 0 && lines[last - 1] === "") last -= 1;
    this.lines = lines.slice(0, last);
    this.ends = ends.slice(0, last);
    this.tail = ends.slice(Math.max(last - 1, 0)).join("");
  }

  get isEmpty(): boolean {
    return this.lines.every((line) => line.trim() === "");
  }

  /**
   * The file with other lines: byte order mark, line ends and the end of the file stay as they were.
   * @param endsWithNewline where the edit itself says so
   */
  withLines(lines: readonly string[], endsWithNewline?: boolean): string {
    const kept = [...lines];
    while (kept.at(-1) === "") kept.pop();
    if (kept.length === 0) return this.bom;
    const ends = this.endsOf(kept);
    const body = kept.map((line, index) => (index < kept.length - 1 ? line + ends[index] : line)).join("");
    return this.bom + body + this.tailFor(endsWithNewline);
  }

  private tailFor(endsWithNewline: boolean | undefined): string {
    if (endsWithNewline === false) return "";
    if (endsWithNewline === true || this.lines.length === 0) return this.tail || this.usualEnd;
    return this.tail;
  }

  /** A file with ends of several kinds keeps each line's own. */
  private endsOf(lines: readonly string[]): string[] {
    const ends = lines.map(() => this.usualEnd);
    if (new Set(this.ends).size < 2) return ends;
    for (const [index, other] of pairsOf(diffOfLines(this.lines, lines)))
      ends[other] = this.ends[index] ?? this.usualEnd;
    return ends;
  }
}

/** The lines of a block: without a byte order mark, whatever its line ends, and without blank lines around it. */
export function blockLines(text: string): string[] {
  const lines = text.replace(byteOrderMark, "").split(/\r\n|\n|\r/);
  while (lines.length > 0 && lines[0]?.trim() === "") lines.shift();
  while (lines.length > 0 && lines.at(-1)?.trim() === "") lines.pop();
  return lines;
}

function mostFrequent(ends: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const end of ends) counts.set(end, (counts.get(end) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}
