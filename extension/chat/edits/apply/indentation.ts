/** Blanks that a line begins with. */
export const indentOf = (line: string): string => /^[ \t]*/.exec(line)?.[0] ?? "";

export const isBlank = (line: string | undefined): boolean => line === undefined || line.trim() === "";

/** Equal but for how blanks are written. */
export const normalised = (line: string): string => line.trim().replaceAll(/\s+/g, " ");

/** How wide an indentation is, in columns; a tab reaches to the next multiple of `tab`. */
export function width(indent: string, tab = 4): number {
  let columns = 0;
  for (const character of indent) columns = character === "\t" ? columns + tab - (columns % tab) : columns + 1;
  return columns;
}

/** What one level of indentation is in a text: a tab, or some blanks. */
export interface IndentUnit {
  tabs: boolean;
  /** Columns of one level. */
  columns: number;
}

/** @returns undefined where nothing is indented */
export function unitOf(lines: readonly string[]): IndentUnit | undefined {
  let tabs = 0;
  const steps = new Map<number, number>();
  let before: number | undefined;
  let indented = 0;
  for (const line of lines) {
    // The middle of a comment has one blank before its star.
    if (isBlank(line) || /^\s+\*/.test(line)) continue;
    const indent = indentOf(line);
    if (indent !== "") indented += 1;
    if (indent.startsWith("\t")) tabs += 1;
    const columns = width(indent);
    const step = columns - (before ?? columns);
    if (step > 1) steps.set(step, (steps.get(step) ?? 0) + 1);
    before = columns;
  }
  if (indented === 0) return undefined;
  if (tabs * 2 > indented) return { tabs: true, columns: 4 };
  // All lines are equally deep: nothing says how deep a level is.
  if (steps.size === 0) return undefined;
  const [best] = [...steps].sort(([stepA, a], [stepB, b]) => b - a || stepA - stepB);
  return { tabs: false, columns: best?.[0] ?? 4 };
}

/** How the indentation of a block becomes that of the file. */
export class IndentMap {
  /** Learned from lines that are in both. */
  private readonly known = new Map<string, string>();
  private move: { from: string; to: string } | undefined;

  constructor(
    private readonly from: IndentUnit | undefined,
    /** Or what tells it: asked only where it matters. */
    private readonly to: IndentUnit | undefined | (() => IndentUnit | undefined),
  ) {}

  /** Puts one beginning in place of another, and leaves what follows it as it is: blanks that align something stay. */
  static moved(from: string, to: string): IndentMap {
    const map = new IndentMap(undefined, undefined);
    // What both end with stays where it is: lines that are less deep move as far.
    if (to.endsWith(from)) map.move = { from: "", to: to.slice(0, to.length - from.length) };
    else if (from.endsWith(to)) map.move = { from: from.slice(0, from.length - to.length), to: "" };
    else map.move = { from, to };
    return map;
  }

  /**
   * Learns from lines that are in both.
   * @param pairs their indentations; where most are the same, the block is indented as the file
   */
  static learned(
    pairs: readonly { from: string; to: string }[],
    from: IndentUnit | undefined,
    to: IndentUnit | undefined,
  ): IndentMap {
    const deep = pairs.filter((pair) => pair.from !== "" || pair.to !== "");
    const same = deep.filter((pair) => pair.from === pair.to);
    if (same.length > 0 && same.length >= deep.length * 0.6) return IndentMap.moved("", "");
    const map = new IndentMap(from, to);
    for (const pair of pairs) map.learn(pair.from, pair.to);
    return map;
  }

  /** @returns false when it contradicts what was learned before */
  learn(from: string, to: string): boolean {
    const before = this.known.get(from);
    if (before !== undefined) return before === to;
    this.known.set(from, to);
    return true;
  }

  /** Whether the block is indented as the file. */
  get changesNothing(): boolean {
    return this.move !== undefined && this.move.from === this.move.to;
  }

  map(indent: string): string {
    if (this.move) {
      const { from, to } = this.move;
      return indent.startsWith(from) ? to + indent.slice(from.length) : indent;
    }
    const same = this.known.get(indent);
    if (same !== undefined) return same;
    if (this.isIdentity()) return indent;
    const columns = width(indent);
    let base: { columns: number; to: string } | undefined;
    for (const [from, to] of this.known) {
      const known = width(from);
      const better =
        base === undefined ||
        (known <= columns
          ? base.columns > columns || known > base.columns
          : base.columns > columns && known < base.columns);
      if (better) base = { columns: known, to };
    }
    return this.shifted(base?.to ?? "", columns - (base?.columns ?? 0));
  }

  /** Where what was indented is so in both, what is new is right already. */
  private isIdentity(): boolean {
    const known = [...this.known];
    return known.some(([from]) => from !== "") && known.every(([from, to]) => from === to);
  }

  line(line: string): string {
    return isBlank(line) ? "" : this.map(indentOf(line)) + line.trimStart();
  }

  /** `base` by as many levels deeper or less deep as `columns` are in the block. */
  private shifted(base: string, columns: number): string {
    const to = (typeof this.to === "function" ? this.to() : this.to) ?? this.from ?? { tabs: false, columns: 4 };
    const from = this.from ?? to;
    const levels = Math.trunc(columns / from.columns);
    const rest = columns - levels * from.columns;
    if (columns >= 0)
      return base + (to.tabs ? "\t".repeat(levels) : " ".repeat(levels * to.columns)) + " ".repeat(rest);
    const all = Math.max(width(base) + levels * to.columns + rest, 0);
    return to.tabs ? "\t".repeat(Math.floor(all / 4)) + " ".repeat(all % 4) : " ".repeat(all);
  }
}
