import * as l10n from "@vscode/l10n";
import { constantOf } from "./constants.js";
import type { Edit } from "./edit.js";
import { replaceExcerpt } from "./excerpt.js";
import { IndentMap, indentOf, isBlank } from "./indentation.js";
import { equalLines, haveSameLead, isEqual, likeness, linesInside } from "./likeness.js";
import { missingElements } from "./markup.js";
import { mergeBody, mergePart } from "./merge.js";
import type { Outline, Part } from "./parts.js";
import { isWhole } from "./placement.js";
import { Refusal, refuse } from "./refusal.js";
import { keepTrailingBlanks } from "./replacePart.js";
import type { Sides } from "./sides.js";

/** Parts of the file that follow each other, and the lines to take their place. */
interface Candidate {
  from: Part;
  to: Part;
  /** How many of its ends the snippet has as they are. */
  share: number;
}

/** Statements without the function that they are in: where the first and the last of them are. */
export function mergeSnippet(sides: Sides): Edit[] {
  const { file, block } = sides;
  const theirs = block.roots.filter(({ kind }) => kind !== "comment");
  const [first] = theirs;
  const last = theirs.at(-1);
  if (!first || !last) refuse(l10n.t("There is no code in the block."));
  if (theirs.length > 1 && theirs.some((part) => block.isElided(part))) return mergeElidedSnippet(sides);
  const excerpt =
    file.language.kind === "code" && (theirs.length > 1 || file.language.family === "indentation")
      ? replaceExcerpt(file.lines, block.lines)
      : undefined;
  if (excerpt) {
    const { start, end } = excerpt;
    const range = file.roots.filter((part) => part.header >= start && part.end <= end);
    if (!losesNamed(sides, range, theirs)) return [excerpt];
  }
  if (theirs.length === 1) return mergePart(sides, single(sides, first), first);
  const all = levels(file).flatMap((ours) => inLevel(sides, ours, theirs, first, last));
  const most = Math.max(...all.map(({ share }) => share));
  const candidates = all.filter(({ share }) => share === most);
  const [only, ...others] = candidates;
  if (!only) return atEnd(sides, theirs);
  if (others.length > 0) refuse(l10n.t("The code could belong in {0} places of the file.", candidates.length));
  return [replaceRange(sides, only)];
}

/** All lists of parts that are beside each other, at any depth. */
function levels(file: Outline): (readonly Part[])[] {
  const all: (readonly Part[])[] = [];
  const look = (parts: readonly Part[], depth: number) => {
    all.push(parts);
    if (depth > 12) return;
    for (const part of parts)
      if (part.end > part.header + 1 && part.kind !== "comment") look(file.children(part), depth + 1);
  };
  look(file.roots, 0);
  return all;
}

type Match = "equal" | "same" | "alike" | undefined;

function match({ file, block }: Sides, part: Part, other: Part): Match {
  if (part.kind === "comment") return undefined;
  if (isEqual(file, part, block, other)) return "equal";
  const key = file.keyOf(part);
  if (key !== undefined && key === block.keyOf(other)) return "same";
  if (haveSameLead(file, part, block, other)) return "same";
  return likeness(file.headerLine(part), block.headerLine(other)) >= 0.75 ? "alike" : undefined;
}

function inLevel(sides: Sides, ours: readonly Part[], theirs: readonly Part[], first: Part, last: Part): Candidate[] {
  const found: Candidate[] = [];
  ours.forEach((from, index) => {
    const begin = match(sides, from, first);
    if (begin === undefined) return;
    ours.slice(index + 1).forEach((to, offset) => {
      const end = match(sides, to, last);
      if (end === undefined || (begin === "alike" && end === "alike")) return;
      const range = ours.slice(index, index + offset + 2).filter(({ kind }) => kind !== "comment");
      if (range.length > theirs.length * 2 + 1) return;
      if (losesNamed(sides, range, theirs)) return;
      const shared = range.filter((part) => theirs.some((other) => match(sides, part, other) !== undefined)).length;
      if (shared / range.length >= 0.6)
        found.push({ from, to, share: [begin, end].filter((each) => each === "equal").length });
    });
  });
  return found;
}

/** Whether a function or a class of the file would go that the block does not show, or a constant where it has another. */
function losesNamed({ file, block }: Sides, range: readonly Part[], theirs: readonly Part[]): boolean {
  const shown = new Set(theirs.map((part) => block.keyOf(part)));
  const lost = range.filter((part) => !shown.has(file.keyOf(part)));
  if (lost.some((part) => isWhole(part) && part.declaration?.holds !== "value")) return true;
  const known = new Set(range.map((part) => file.keyOf(part)));
  const isNew = theirs.some((part) => constantOf(block, part) !== undefined && !known.has(block.keyOf(part)));
  return isNew && lost.some((part) => constantOf(file, part) !== undefined);
}

function single({ file, block }: Sides, other: Part): Part {
  const key = block.keyOf(other);
  const all = levels(file)
    .flat()
    .filter(({ kind }) => kind !== "comment" && kind !== "import");
  const same = key === undefined ? [] : all.filter((part) => file.keyOf(part) === key);
  const words = block.headerLine(other).trim().slice(0, 60);
  const inside = linesInside(block, other);
  // Of several that begin alike, the one that has half of what is inside.
  const close = same.filter((part) => {
    const common = equalLines(file.lines.slice(part.header + 1, part.end), inside).filter(([, index]) =>
      /\w/.test(inside[index] ?? ""),
    );
    return common.length > 0 && common.length * 2 >= inside.length;
  });
  if (same.length > 1 && close.length !== 1) refuse(l10n.t("The file has “{0}” {1} times.", words, same.length));
  const [only] = same.length > 1 ? close : same;
  if (only) return only;
  // The line that opens it has changed, and most of what is inside has not.
  const alike = all.filter((part) => {
    if (inside.length === 0 || part.end <= part.header + 1) return false;
    const common = equalLines(file.lines.slice(part.header + 1, part.end), inside).length;
    return common >= inside.length * 0.7 && likeness(file.headerLine(part), block.headerLine(other)) >= 0.6;
  });
  const [near, ...others] = alike;
  if (!near || others.length > 0) refuse(l10n.t("The file has no line that says where “{0}” belongs.", words));
  return near;
}

function replaceRange({ file, block }: Sides, { from, to }: Candidate): Edit {
  const old = file.lines.slice(from.start, to.end);
  const missing = missingElements(old, block.lines, file.language);
  if (missing.length > 0)
    refuse(
      l10n.t(
        "The code shows {0} without {1}, and doesn't say whether to keep what is missing.",
        file.nameOf(from),
        missing.slice(0, 3).join(", "),
      ),
    );
  const pairs = equalLines(old, block.lines).map(([ours, theirs]) => ({
    from: indentOf(block.lines[theirs] ?? ""),
    to: indentOf(old[ours] ?? ""),
  }));
  const indent = IndentMap.learned(pairs, block.unit, file.unit);
  indent.learn(indentOf(block.headerLine(block.roots[0] ?? from)), indentOf(file.headerLine(from)));
  const lines = block.lines.map((line) => indent.line(line));
  const lead =
    isBlank(block.lines[0]) || block.roots[0]?.kind === "comment" || block.roots[0]?.start !== block.roots[0]?.header
      ? []
      : file.lines.slice(from.start, from.header);
  return { start: from.start, end: to.end, lines: keepTrailingBlanks([...lead, ...lines], old) };
}

/** All but the last lines are the last ones of a list of statements: the new ones follow. */
function atEnd(sides: Sides, theirs: readonly Part[]): Edit[] {
  const { file, block } = sides;
  const places: { after: Part; known: number }[] = [];
  for (const ours of levels(file)) {
    const code = ours.filter(({ kind }) => kind !== "comment");
    for (let known = 2; known < theirs.length; known++) {
      const tail = code.slice(-known);
      const after = tail.at(-1);
      if (
        after &&
        tail.length === known &&
        tail.every((part, index) => isEqual(file, part, block, theirs[index] as Part))
      )
        places.push({ after, known });
    }
  }
  const [only, ...others] = places;
  if (!only || others.length > 0)
    refuse(
      l10n.t(
        "It is not clear where the code belongs in the file: its first and last lines are missing there, or occur more than once.",
      ),
    );
  const indent = new IndentMap(block.unit, file.unit);
  const model = theirs[only.known - 1];
  if (model) indent.learn(indentOf(block.headerLine(model)), indentOf(file.headerLine(only.after)));
  const lines = block.lines.slice(model?.end ?? 0).map((line) => indent.line(line));
  return [{ start: only.after.end, end: only.after.end, lines }];
}

function mergeElidedSnippet(sides: Sides): Edit[] {
  const { file, block } = sides;
  const theirs = block.roots;
  const found: Edit[][] = [];
  for (const ours of levels(file)) {
    const code = theirs.filter(({ kind }) => kind !== "elision" && kind !== "comment");
    const known = code.filter((other) =>
      ours.some((part) => match(sides, part, other) === "equal" || match(sides, part, other) === "same"),
    );
    if (known.length < Math.max(1, code.length / 2)) continue;
    try {
      const edits = mergeBody(sides, ours, withOpenEnds(theirs), undefined);
      if (edits.length > 0) found.push(edits);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  const [only, ...others] = found;
  if (!only || others.length > 0) refuse(l10n.t("It is not clear where the code belongs in the file."));
  return only;
}

/** A snippet begins and ends somewhere: what is around it stays. */
function withOpenEnds(theirs: readonly Part[]): Part[] {
  const open = (at: number): Part => ({
    start: at,
    header: at,
    end: at,
    kind: "elision",
    elision: "certain",
    blanks: 0,
  });
  const first = theirs[0];
  const last = theirs.at(-1);
  return [
    ...(first?.kind === "elision" ? [] : [open(first?.start ?? 0)]),
    ...theirs,
    ...(last?.kind === "elision" ? [] : [open(last?.end ?? 0)]),
  ];
}
