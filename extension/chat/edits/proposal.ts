import { applyPatch, diffLines, structuredPatch } from "diff";

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
    const patch = structuredPatch("", "", this.base, this.proposed, "", "", { context: 3 });
    const proposed = applyPatch(now, patch, { fuzzFactor: 0, autoConvertLineEndings: true });
    if (proposed === false) return false;
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
  for (const { added, removed, value, count } of diffLines(base, proposed)) {
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
