import { isBlank } from "./indentation.js";
import { equalLines } from "./likeness.js";
import type { Outline } from "./parts.js";

/**
 * Gives the blank lines of what a block with omitted code has become: between two lines that the block shows one after the other as
 * many as it has there, and where the file's own lines begin or end that it leaves out, no fewer than the file has there. Only around
 * what is changed, or where nothing is, in what both have. What a block without omitted code has changed is as it shows it.
 */
export function settleBlankLines(
  file: readonly string[],
  block: Outline,
  after: readonly string[],
  isElided: boolean,
): readonly string[] {
  const span = changed(file, after);
  if (span && !isElided) return after;
  const inBlock = new Map(equalLines(after, block.lines));
  const [first, last] = span ?? [Math.min(...inBlock.keys()), Math.max(...inBlock.keys())];
  const inFile = new Map(equalLines(after, file));
  const kept = new Set(inFile.values());
  const result: string[] = [];
  let above: number | undefined;
  const code = [...after.keys()].filter((index) => !isBlank(after[index]));
  for (const index of code) {
    const from = above ?? -1;
    const there = index - from - 1;
    const isNear = above !== undefined && index >= first && from <= last;
    const wanted = isNear ? wantedBlanks(file, block, { inFile, kept, inBlock }, from, index) : undefined;
    // What is there stays as it is written.
    const blanks = after.slice(from + 1, index).slice(0, wanted ?? there);
    while (blanks.length < (wanted ?? there)) blanks.push("");
    result.push(...blanks, after[index] ?? "");
    above = index;
  }
  return [...result, ...after.slice((above ?? -1) + 1)];
}

/** Where lines come from, by their index in the result. */
interface Origins {
  inFile: ReadonlyMap<number, number>;
  /** The lines of the file that are still there. */
  kept: ReadonlySet<number>;
  inBlock: ReadonlyMap<number, number>;
}

/** How many blank lines belong between two lines of code that follow each other; undefined where neither text says so. */
function wantedBlanks(
  file: readonly string[],
  block: Outline,
  { inFile, kept, inBlock }: Origins,
  above: number,
  below: number,
): number | undefined {
  const [from, to] = [inBlock.get(above), inBlock.get(below)];
  if (from !== undefined && to !== undefined) return blanksBetween(block.lines, from, to);
  // One of the two is new and in no other's place, the other left out: the block has a mark between them.
  if (from !== undefined && to === undefined && !inFile.has(above)) {
    const mark = nextCode(block.lines, from, 1);
    const own = inFile.get(below);
    if (!block.isMark(mark) || own === undefined || !kept.has(nextCode(file, own, -1))) return undefined;
    return blanksBetween(block.lines, from, mark);
  }
  if (from === undefined && to !== undefined && !inFile.has(below)) {
    const mark = nextCode(block.lines, to, -1);
    const own = inFile.get(above);
    const next = own === undefined ? -1 : nextCode(file, own, 1);
    // In place of a line that goes there are the blank lines that were there.
    if (!block.isMark(mark) || own === undefined || !kept.has(next)) return undefined;
    return Math.max(blanksBetween(block.lines, mark, to) ?? 0, next - own - 1);
  }
  return undefined;
}

/** Undefined where there is something else between them. */
function blanksBetween(lines: readonly string[], from: number, to: number): number | undefined {
  return to > from && lines.slice(from + 1, to).every(isBlank) ? to - from - 1 : undefined;
}

function nextCode(lines: readonly string[], from: number, direction: 1 | -1): number {
  let at = from + direction;
  while (at >= 0 && at < lines.length && isBlank(lines[at])) at += direction;
  return at;
}

/** The first and the last line that is not as it was; undefined where all are. */
function changed(before: readonly string[], after: readonly string[]): [number, number] | undefined {
  const shorter = Math.min(before.length, after.length);
  let first = 0;
  while (first < shorter && before[first] === after[first]) first++;
  if (first === before.length && first === after.length) return undefined;
  let same = 0;
  while (same < shorter - first && before.at(-1 - same) === after.at(-1 - same)) same++;
  return [first, after.length - 1 - same];
}
