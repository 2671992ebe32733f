import type { Edit } from "./edit.js";
import { indentOf, isBlank, width } from "./indentation.js";
import { Outline, type Part } from "./parts.js";
import { scan } from "./scan.js";
import type { Sides } from "./sides.js";

/** Lines of a block between others that the file has next to each other, or beside them. */
interface Insertion {
  /** How many lines of the block are known before the new ones, and behind them. */
  before: number;
  after: number;
  /** Index of the first known line in the file. */
  start: number;
}

/**
 * New keys of a file like YAML, TOML or JSON, where all else that the block has follows each other in the file, just once.
 * @returns undefined where that leaves any doubt
 */
export function insertedKeys({ file, block }: Sides): Edit[] | undefined {
  if (file.language.kind !== "keys") return undefined;
  const found = placesIn(file, block);
  const most = Math.max(0, ...found.map(({ before, after }) => before + after));
  const best = found.filter(({ before, after }) => before + after === most);
  const [only] = best;
  // Several ways to see the same lines lead to the same text, others do not.
  if (!only || best.some(({ start }) => start !== only.start)) return undefined;
  const { before, after, start } = withoutEdges(only, block);
  const known = [...block.lines.slice(0, before), ...block.lines.slice(block.lines.length - after)];
  const shift = shiftOf(file.lines.slice(start, start + known.length), known);
  if (shift === undefined || !known.some((line) => /\w/.test(line))) return undefined;
  const at = start + before;
  const added = block.lines.slice(before, block.lines.length - after).map(shift);
  // What is known on one side alone: a line that the file has elsewhere may be that one, with others left out between.
  const own = Math.min(...added.filter((line) => !isBlank(line)).map(depthOf));
  const isElsewhere = (line: string) => file.lines.some((other) => plainIn(file, other) === plainIn(file, line));
  if (
    (before === 0 || after === 0) &&
    added.some((line) => depthOf(line) === own && !isBlank(line) && isElsewhere(line))
  )
    return undefined;
  if (!isWholeAround(file, start, start + known.length)) return undefined;
  const lines = [...file.lines.slice(0, at), ...added, ...file.lines.slice(at)];
  const result = new Outline(lines, file.language, () => true);
  const place = { from: at, to: at + added.length, hasBefore: before > 0, hasAfter: after > 0 };
  if (scan(added, file.language).balance !== 0 || !fits(result, place) || !isNewIn(result, result.roots, place))
    return undefined;
  return [{ start: at, end: at, lines: added }];
}

/** Longer blocks than this, in lines, are no few new keys. */
const longest = 200;

/** A last entry of JSON gets its comma when another follows. */
const plainIn = ({ language }: Outline, line: string) =>
  language.family === "brackets" ? line.trim().replace(/,$/, "") : line.trim();

/** All ways to see the block as known lines around new ones, of which the file has as many as it can. */
function placesIn(file: Outline, block: Outline): Insertion[] {
  const ours = file.lines.map((line) => plainIn(file, line));
  const theirs = block.lines.map((line) => plainIn(file, line));
  if (theirs.length > longest) return [];
  const found: Insertion[] = [];
  const ending = (at: number, from: number) => theirs.slice(from).every((line, index) => ours[at + index] === line);
  for (let start = 0; start < ours.length; start++) {
    let known = 0;
    while (known < theirs.length && ours[start + known] === theirs[known]) known += 1;
    for (let before = known; before >= 0; before--) {
      let from = before + 1;
      while (from < theirs.length && !(ours[start + before] === theirs[from] && ending(start + before, from)))
        from += 1;
      const after = Math.max(theirs.length - from, 0);
      if (before + after > 0 && before + after < theirs.length) found.push({ before, after, start });
    }
  }
  return found;
}

/** How the block's lines become as deep as the file's: all by the same. undefined where they differ in more. */
function shiftOf(ours: readonly string[], theirs: readonly string[]): ((line: string) => string) | undefined {
  const pairs = ours.flatMap((line, index) => (isBlank(line) ? [] : [[indentOf(line), indentOf(theirs[index] ?? "")]]));
  const [our = "", their = ""] = pairs[0] ?? [];
  const more = our.startsWith(their) ? our.slice(their.length) : undefined;
  if (more === undefined || pairs.some(([left = "", right = ""]) => left !== more + right)) return undefined;
  return (line) => (isBlank(line) ? "" : more + line);
}

/** Blank lines between what is known and what is new belong to that, where the block ends or begins with it. */
function withoutEdges({ before, after, start }: Insertion, { lines }: Outline): Insertion {
  let [above, below] = [before, after];
  if (after === 0) while (above > 0 && isBlank(lines[above - 1])) above -= 1;
  if (before === 0) while (below > 0 && isBlank(lines[lines.length - below])) below -= 1;
  return { before: above, after: below, start: start + (before === 0 ? after - below : 0) };
}

/** Whether nothing that begins among the known lines goes on below them: the block could mean it to go. */
function isWholeAround(file: Outline, start: number, end: number): boolean {
  const look = (parts: readonly Part[]): boolean =>
    parts.every((part) => {
      if (part.end <= start || part.start >= end) return true;
      if (part.header >= start && part.end > end) return false;
      return part.end === part.header + 1 || look(file.children(part));
    });
  return look(file.roots);
}

const depthOf = (line: string | undefined) => width(indentOf(line ?? ""));

/** The new lines in the file that they are put into. */
interface Added {
  from: number;
  /** Index behind the last. */
  to: number;
  /** Whether the block shows what is above them, and what is below. */
  hasBefore: boolean;
  hasAfter: boolean;
}

/** Whether the new lines are as deep as what is beside them, and take nothing in that follows them. */
function fits(result: Outline, { from, to, hasBefore, hasAfter }: Added): boolean {
  const code = result.lines.slice(from, to).filter((line) => !isBlank(line));
  const above = result.lines.slice(0, from).findLast((line) => !isBlank(line));
  const below = result.lines.slice(to).find((line) => !isBlank(line));
  if (code.length === 0) return false;
  const own = Math.min(...code.map(depthOf));
  if (depthOf(code[0]) !== own || (below !== undefined && own < depthOf(below))) return false;
  if (hasBefore ? own > depthOf(above) : own !== depthOf(below)) return false;
  if (result.language.family === "brackets") return hasCommas(result, above, code.at(-1) ?? "", below);
  // Entries of a list have no names: beside one alone, they could take the place of the next.
  const isNamed = code.every(
    (line) => depthOf(line) > own || /^\s*(?:\[|#|;|"[^"]*"\s*[:=]|[\w.$/-]+\s*[:=])/.test(line),
  );
  if (!isNamed && !hasAfter && below !== undefined && own <= depthOf(below)) return false;
  if (!isNamed && !hasBefore) return false;
  return !code.some((line) => /^\[/.test(line)) || below === undefined || /^\[/.test(below);
}

/** In JSON they can be mended; where it has comments, they have to be right. */
function hasCommas({ lines }: Outline, above: string | undefined, last: string, below: string | undefined): boolean {
  if (!lines.some((line) => /\/[/*]/.test(line))) return true;
  const closes = /^\s*[\]}]/.test(below ?? "}");
  return /[,{[]\s*$/.test(above ?? "") && (closes || /,\s*$/.test(last));
}

/** Whether what is beside the new parts has other keys and is as deep, and all of them end where the new lines do. */
function isNewIn(result: Outline, parts: readonly Part[], place: Added): boolean {
  const { from, to } = place;
  const nameOf = (part: Part) => result.keyOf(part) ?? plainIn(result, result.headerLine(part));
  const named = parts.filter(({ kind, header }) => kind !== "comment" && /\w/.test(result.lines[header] ?? ""));
  const isAdded = ({ header }: Part) => header >= from && header < to;
  const added = named.filter(isAdded);
  const names = new Set(added.map(nameOf));
  if (added.some(({ end }) => end > to) || names.size < added.length) return false;
  const own = depthOf(result.lines[added[0]?.header ?? 0]);
  const isOther = (part: Part) => !names.has(nameOf(part)) && depthOf(result.headerLine(part)) === own;
  if (added.length > 0 && !named.every((part) => isAdded(part) || isOther(part))) return false;
  return parts.every((part) => {
    const isApart = part.end <= from || part.header >= to || part.end === part.header + 1;
    return isApart || isNewIn(result, result.children(part), place);
  });
}
