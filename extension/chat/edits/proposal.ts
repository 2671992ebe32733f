import { diffOfLines, pairsOf } from "./apply/lineDiff.js";

/** Lines of a file that others are to take the place of. */
export interface Hunk {
  /** Line of the file from 0 that it begins at, and how many of its lines go. */
  baseLine: number;
  baseCount: number;
  /** The same of the proposed text. */
  line: number;
  count: number;
  /** Offsets in the file. */
  start: number;
  end: number;
  text: string;
  /** Offsets in the proposed text. */
  proposedStart: number;
  proposedEnd: number;
}

/** What a file would become: each hunk is accepted or rejected by itself. Knows no VS Code. */
export class Proposal {
  private found: readonly Hunk[] | undefined;

  /** @param base the file as it is @param proposed the file with all changes */
  constructor(
    public base: string,
    public proposed: string,
  ) {}

  get hunks(): readonly Hunk[] {
    this.found ??= hunksOf(this.base, this.proposed);
    return this.found;
  }

  /** The hunk at a line from 0, of the file or of the proposed text; else the next one; else the last. */
  hunkAt(line: number, side: "base" | "proposed"): Hunk | undefined {
    const end = (hunk: Hunk) => (side === "base" ? hunk.baseLine + hunk.baseCount : hunk.line + hunk.count);
    return (
      this.hunks.find((hunk) => line <= Math.max(end(hunk) - 1, side === "base" ? hunk.baseLine : hunk.line)) ??
      this.hunks.at(-1)
    );
  }

  /** The file is to have the hunk; the edit itself is up to the caller. */
  accept(hunk: Hunk): void {
    this.become(this.base.slice(0, hunk.start) + hunk.text + this.base.slice(hunk.end), this.proposed);
  }

  /** The proposed text loses the hunk. */
  reject({ start, end, proposedStart, proposedEnd }: Hunk): void {
    const kept = this.base.slice(start, end);
    this.become(this.base, this.proposed.slice(0, proposedStart) + kept + this.proposed.slice(proposedEnd));
  }

  /** The file has changed: the same changes to what it is now. @returns false where they concern the same lines */
  rebase(now: string): boolean {
    const proposed = rebased(this.base, this.hunks, now);
    if (proposed === undefined) return false;
    this.become(now, proposed);
    return true;
  }

  private become(base: string, proposed: string): void {
    this.base = base;
    this.proposed = proposed;
    this.found = undefined;
  }
}

function hunksOf(base: string, proposed: string): Hunk[] {
  const hunks: Hunk[] = [];
  let [baseLine, line, start, at] = [0, 0, 0, 0];
  let hunk: Hunk | undefined;
  const [lines, others] = [linesOf(base), linesOf(proposed)];
  for (const { added, removed, count } of diffOfLines(lines, others)) {
    const value = (added ? others.slice(line, line + count) : lines.slice(baseLine, baseLine + count)).join("");
    if (!added && !removed) {
      hunk = undefined;
    } else {
      if (!hunk) {
        hunk = {
          baseLine,
          baseCount: 0,
          line,
          count: 0,
          start,
          end: start,
          text: "",
          proposedStart: at,
          proposedEnd: at,
        };
        hunks.push(hunk);
      }
      if (removed) {
        hunk.baseCount += count;
        hunk.end += value.length;
      } else {
        hunk.count += count;
        hunk.text += value;
        hunk.proposedEnd += value.length;
      }
    }
    if (!added) {
      baseLine += count;
      start += value.length;
    }
    if (!removed) {
      line += count;
      at += value.length;
    }
  }
  return hunks;
}

/** Lines with their ends. */
const linesOf = (text: string): readonly string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const unixEnds = (text: string): string => text.replaceAll("\r\n", "\n");

/** Lines around a hunk that have to be as they were. */
const context = 3;

/** The hunks in a file that has changed since; undefined where it has changed at one of them. */
function rebased(base: string, hunks: readonly Hunk[], now: string): string | undefined {
  const before = linesOf(base);
  const current = linesOf(now);
  const places = new Map(pairsOf(diffOfLines(before.map(unixEnds), current.map(unixEnds))));
  const pieces: string[] = [];
  let from = 0;
  for (const { baseLine, baseCount, text } of hunks) {
    const first = Math.max(baseLine - context, 0);
    const start = places.get(first);
    for (let line = first; line < Math.min(baseLine + baseCount + context, before.length); line++)
      if (start === undefined || places.get(line) !== start + line - first) return undefined;
    const at = (start ?? 0) + baseLine - first;
    pieces.push(current.slice(from, at).join(""), withEndsOf(now, text));
    from = at + baseCount;
  }
  return pieces.join("") + current.slice(from).join("");
}

function withEndsOf(file: string, text: string): string {
  if (!file.includes("\r\n")) return unixEnds(text);
  return /(?<!\r)\n/.test(file) ? text : unixEnds(text).replaceAll("\n", "\r\n");
}
