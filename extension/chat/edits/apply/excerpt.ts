import type { Edit } from "./edit.js";
import { IndentMap, indentOf, isBlank, normalised, unitOf } from "./indentation.js";
import { equalLines } from "./likeness.js";
import { keepTrailingBlanks } from "./replacePart.js";

interface Region {
  start: number;
  end: number;
  /** Lines that the file and the block have there, without blank ones. */
  common: number;
  /** Lines of the file that go. */
  gone: number;
}

/** More places than this are not compared, and a region is at most this many times as long as the block, and a few lines. */
const mostPlaces = 400;
const longestOf = (block: number) => block * 2 + 3;

/**
 * Lines cut out of a file anywhere, in the middle of statements too, and changed: where the first and the last of them are,
 * with most of the others between.
 * @returns undefined where there is no such place, or more than one
 */
export function replaceExcerpt(file: readonly string[], block: readonly string[]): Edit | undefined {
  const [ours, theirs] = [file.map(normalised), block.map(normalised)];
  const words = theirs.filter(Boolean);
  const [first, last] = [words[0], words.at(-1)];
  if (first === undefined || last === undefined || words.length < 3) return undefined;
  const isFrame = frameOf(ours, words);
  const regions: Region[] = [];
  for (const start of indicesOf(ours, first)) {
    for (const end of indicesOf(ours, last)) {
      if (end <= start || end - start >= longestOf(words.length)) continue;
      if (regions.length >= mostPlaces) return undefined;
      const lines = ours.slice(start, end + 1);
      const common = equalLines(lines, theirs).length;
      const all = lines.filter(Boolean).length;
      const isLike = common * 2 >= Math.max(words.length, all) && (all - common) * 2 <= words.length;
      const isFramed = all - common <= words.length && isFrame(lines);
      if (isLike || isFramed) regions.push({ start, end: end + 1, common, gone: all - common });
    }
  }
  const [best, next] = regions.sort((a, b) => scoreOf(b) - scoreOf(a));
  // Where another place is nearly as good, a person has to say which.
  if (!best || (next && scoreOf(next) > scoreOf(best) - 1)) return undefined;
  const shown = block.slice(
    block.findIndex((line) => !isBlank(line)),
    block.findLastIndex((line) => !isBlank(line)) + 1,
  );
  const old = file.slice(best.start, best.end);
  const pairs = equalLines(old, shown).map(([at, index]) => ({
    from: indentOf(shown[index] ?? ""),
    to: indentOf(old[at] ?? ""),
  }));
  const indent = movedByEnds(pairs) ?? IndentMap.learned(pairs, unitOf(block), unitOf(file));
  return {
    ...best,
    lines: keepTrailingBlanks(
      shown.map((line) => indent.line(line)),
      old,
    ),
  };
}

/**
 * Tells whether lines of the file begin and end with the first two and the last two of the block, which the file has nowhere
 * else.
 */
function frameOf(ours: readonly string[], words: readonly string[]): (lines: readonly string[]) => boolean {
  const text = (lines: readonly string[]) => lines.filter(Boolean).join("\n");
  const [top, bottom] = [text(words.slice(0, 2)), text(words.slice(-2))];
  const all = `\n${text(ours)}\n`;
  const isTelling = (each: string) => (each.match(/\w+/g) ?? []).length >= 2 && all.split(`\n${each}\n`).length === 2;
  if (words.length < 5 || !isTelling(top) || !isTelling(bottom)) return () => false;
  return (lines) => text(lines).startsWith(`${top}\n`) && text(lines).endsWith(`\n${bottom}`);
}

const scoreOf = ({ common, gone }: Region) => common - gone;

const indicesOf = (lines: readonly string[], line: string) =>
  lines.flatMap((other, index) => (other === line ? [index] : []));

/** The first and the last line are in both: what is between was moved as they are. */
function movedByEnds(pairs: readonly { from: string; to: string }[]): IndentMap | undefined {
  const [first, last] = [pairs[0], pairs.at(-1)];
  if (!first || !last) return undefined;
  const [shorter, longer] = first.from.length <= last.from.length ? [first, last] : [last, first];
  const map = IndentMap.moved(shorter.from, shorter.to);
  return map.map(longer.from) === longer.to ? map : undefined;
}
