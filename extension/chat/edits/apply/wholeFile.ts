import * as l10n from "@vscode/l10n";
import { differsInName } from "./counterpart.js";
import { IndentMap, indentOf, normalised } from "./indentation.js";
import { equalLines, isEqual, likeness } from "./likeness.js";
import { diffOfLines, pairsOf } from "./lineDiff.js";
import { isCutShort, missingMembers } from "./merge.js";
import type { Outline, Part } from "./parts.js";
import { pathIn } from "./paths.js";

/** Whether a block that leaves nothing out is all of the file. A string says why that is in doubt. */
export function isWholeFile(file: Outline, block: Outline): boolean | string {
  const ours = file.roots.filter(({ kind }) => kind !== "comment");
  const theirs = block.roots.filter(({ kind }) => kind !== "comment");
  if (ours.length === 0) return theirs.length > 0 && equalLines(file.lines, block.lines).length * 2 > file.lines.length;
  if (file.language.kind === "prose") return isWholeText(file, block);
  const pairs = pairAll(file, ours, block, theirs);
  const missing = ours.filter((part) => !pairs.has(part) && part.kind !== "import");
  const imports = ours.filter(({ kind }) => kind === "import");
  const importsLost = imports.length > 0 && imports.filter((part) => pairs.has(part)).length * 2 < imports.length;
  if (importsLost && !theirs.some(({ kind }) => kind === "import")) return false;
  const inside = [...pairs].flatMap(([part, other]) =>
    isEqual(file, part, block, other) ? [] : missingMembers(file, part, block, other),
  );
  if (inside.length > 0)
    return missing.length === 0
      ? l10n.t(
          "The code shows part of the file without {0}, and doesn't say whether to keep what is missing.",
          inside.slice(0, 3).join(", "),
        )
      : false;
  if ([...pairs].some(([part, other]) => isCutShort(file, part, block, other)))
    return l10n.t("The code leaves lines out without a mark for them.");
  if (missing.length === 0 && !importsLost) return true;
  return inDoubt(file, block, ours, theirs, pairs, missing);
}

/** More than this are not compared each with each. */
const mostAlike = 200;

/** Which part of the block is which of the file, no two the same: equal ones first, then by name, then by likeness. */
function pairAll(file: Outline, ours: readonly Part[], block: Outline, theirs: readonly Part[]): Map<Part, Part> {
  const pairs = new Map<Part, Part>();
  const paired = new Set<Part>();
  const pair = (part: Part, other: Part | undefined) => {
    if (!other) return;
    pairs.set(part, other);
    paired.add(other);
  };
  const text = (outline: Outline, part: Part) => outline.text(part).map(normalised).filter(Boolean).join("\n");
  for (const tell of [text, (outline: Outline, part: Part) => outline.keyOf(part)]) {
    const byWords = new Map<string, Part[]>();
    for (const other of theirs) {
      const words = paired.has(other) ? undefined : tell(block, other);
      if (words !== undefined) byWords.set(words, [...(byWords.get(words) ?? []), other]);
    }
    for (const part of ours) {
      const words = pairs.has(part) ? undefined : tell(file, part);
      if (words !== undefined) pair(part, byWords.get(words)?.shift());
    }
  }
  for (const is of [isVersion, differsInName]) {
    const left = theirs.filter((other) => !paired.has(other)).slice(0, mostAlike);
    for (const part of ours.filter((each) => !pairs.has(each)).slice(0, mostAlike))
      pair(
        part,
        left.find((other) => !paired.has(other) && is(file, part, block, other)),
      );
  }
  return pairs;
}

const isVersion = (file: Outline, part: Part, block: Outline, other: Part) => {
  const key = file.keyOf(part);
  if (key !== undefined || block.keyOf(other) !== undefined) return key === block.keyOf(other);
  return isLine(part) && isLine(other) && likeness(file.headerLine(part), block.headerLine(other)) >= 0.6;
};

const isLine = ({ kind, header, end }: Part) => kind === "statement" && end === header + 1;

/** A few parts are missing of what otherwise is all of the file. */
function inDoubt(
  file: Outline,
  block: Outline,
  ours: readonly Part[],
  theirs: readonly Part[],
  pairs: ReadonlyMap<Part, Part>,
  missing: readonly Part[],
): boolean | string {
  const first = ours[0];
  const last = ours.at(-1);
  const ends = first !== undefined && last !== undefined && pairs.has(first) && pairs.has(last) && first !== last;
  if (!ends) return false;
  const declared = missing.filter(({ declaration }) => declaration !== undefined);
  const verbatim = [...pairs].filter(([part, other]) => isEqual(file, part, block, other));
  if (declared.length === 0) return missing.length <= ours.length * 0.4 && theirs.length >= ours.length * 0.6;
  if (verbatim.length === pairs.size && theirs.length === pairs.size && missing.length === 1 && ours.length >= 4)
    return true;
  const shown = verbatim.filter(([part]) => part.kind === "declaration" && part.end > part.header + 1);
  if (shown.length > 0 && pairs.size >= ours.length * 0.6) {
    const names = declared.slice(0, 3).map((part) => file.nameOf(part));
    return l10n.t("The code could be the whole file with {0} removed, or only a part of the file.", names.join(", "));
  }
  return false;
}

function isWholeText(file: Outline, block: Outline): boolean {
  const lines = (outline: Outline) => outline.lines.map(normalised).filter(Boolean);
  const ours = lines(file);
  const theirs = lines(block);
  const common = equalLines(ours, theirs).length;
  const sameEnds = ours[0] === theirs[0] && ours.at(-1) === theirs.at(-1);
  return (sameEnds && common * 2 >= ours.length && ours.length > 2) || common >= ours.length * 0.8;
}

/** All lines of the block, indented as the file is; a comment at the top of the file stays. */
export function asWholeFile(file: Outline, block: Outline): string[] {
  const indent = new IndentMap(block.unit, file.unit);
  indent.learn("", "");
  let lines = dedented(file, withoutLabel(file, block));
  if (file.unit?.tabs !== block.unit?.tabs && block.unit && file.unit) {
    lines = lines.map((line) => indent.line(line));
  }
  const [top] = file.roots;
  const [theirTop] = block.roots;
  const text = top?.kind === "comment" ? file.text(top) : [];
  const isKept = top?.kind === "comment" && theirTop?.kind !== "comment" && theirTop?.start === theirTop?.header;
  if (isKept) lines = [...text, ...Array.from({ length: file.roots[1]?.blanks ?? 0 }, () => ""), ...lines];
  return keepBlankEnds(file.lines, lines);
}

/** A model that indents all of a file has done so by mistake. */
function dedented(file: Outline, lines: readonly string[]): string[] {
  const least = (all: readonly string[]) =>
    Math.min(...all.filter((line) => line.trim() !== "").map((line) => indentOf(line).length));
  const extra = least(lines) - least(file.lines);
  return lines.map((line) => (extra > 0 ? line.slice(Math.min(extra, indentOf(line).length)) : line));
}

/** A comment with the file's path that the file itself does not have. */
function withoutLabel(file: Outline, block: Outline): string[] {
  const lines = [...block.lines];
  if (
    pathIn(lines[0] ?? "") === undefined ||
    file.lines.some((line) => normalised(line) === normalised(lines[0] ?? ""))
  )
    return lines;
  lines.shift();
  while (lines[0]?.trim() === "") lines.shift();
  return lines;
}

/** Lines that differ in nothing but blanks at their end stay as the file has them. */
function keepBlankEnds(old: readonly string[], lines: readonly string[]): string[] {
  const result = [...lines];
  const ended = (all: readonly string[]) => all.map((line) => line.trimEnd());
  for (const [index, other] of pairsOf(diffOfLines(ended(old), ended(lines)))) result[other] = old[index] ?? "";
  return result;
}

/** All but the first line are deeper: that one has lost its indentation. */
export function withFirstLineIndented(lines: readonly string[]): string[] {
  const [first = "", ...rest] = lines;
  // A line by itself, as an import above a method, has lost nothing.
  if (rest[0]?.trim() === "") return [...lines];
  const indents = rest.filter((line) => line.trim() !== "").map(indentOf);
  const [least] = [...indents].sort((a, b) => a.length - b.length);
  if (least === undefined || least.length <= indentOf(first).length || /[:{([,=|&+>]\s*$/.test(first))
    return [...lines];
  if (/^\s*(?:[.)\]}?|&+]|\?\.)/.test(rest.find((line) => line.trim() !== "") ?? "")) return [...lines];
  return [least + first.trimStart(), ...rest];
}
