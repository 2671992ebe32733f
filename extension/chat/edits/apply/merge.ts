import * as l10n from "@vscode/l10n";
import { align, type Step } from "./alignment.js";
import { counterpart } from "./counterpart.js";
import type { Edit } from "./edit.js";
import { mayStandForCode } from "./elision.js";
import { mergeImports } from "./imports.js";
import { IndentMap, indentOf, normalised } from "./indentation.js";
import { equalLines, isEqual, isEqualBelowLead, linesInside } from "./likeness.js";
import { newMember } from "./newMember.js";
import type { Outline, Part } from "./parts.js";
import { pathIn } from "./paths.js";
import { refuse } from "./refusal.js";
import { blankLines, replaceHeader, replaceLead, replacePart } from "./replacePart.js";
import type { Sides } from "./sides.js";

/** What part of the block changes where the file has `part`. */
export function mergePart(sides: Sides, part: Part, other: Part): Edit[] {
  const { file, block } = sides;
  if (isEqual(file, part, block, other)) return [];
  if (isEqualBelowLead(file, part, block, other)) return replaceLead(file, part, block, other);
  if (isLeftOut(sides, part, other))
    return [...replaceLead(file, part, block, other), ...replaceHeader(file, part, block, other)];
  const areLines = part.end === part.header + 1 && other.end === other.header + 1;
  if (areLines || !block.isElided(other)) {
    const missing = missingMembers(file, part, block, other);
    if (missing.length > 0)
      refuse(
        l10n.t(
          "The code shows {0} without {1}, and doesn't say whether to keep what is missing.",
          file.nameOf(part),
          missing.slice(0, 3).join(", "),
        ),
      );
    if (isCutShort(file, part, block, other)) refuse(l10n.t("The code leaves lines out without a mark for them."));
    return [replacePart(file, part, block, other)];
  }
  const head = [...replaceLead(file, part, block, other), ...replaceHeader(file, part, block, other)];
  const ours = file.children(part);
  const theirs = block.children(other);
  const isMap = file.language.kind === "keys" && /^\s*\{/.test(file.headerLine(part));
  const isList = file.language.kind === "keys" && /\[\s*$/.test(file.headerLine(part));
  if ((part.declaration?.holds === "members" && !isList) || isMap)
    return [...head, ...mergeMembers(sides, ours, theirs, part)];
  return [...head, ...mergeBody(sides, ours, theirs, part)];
}

/**
 * Without brackets nothing shows that an answer has ended early: it stops in the middle of what the file has, and has nothing of what
 * follows there.
 */
export function isCutShort(file: Outline, part: Part, block: Outline, other: Part): boolean {
  if (file.language.family !== "indentation" || file.language.kind !== "code") return false;
  if (part.declaration && part.declaration.holds !== "body") return false;
  const [ours, theirs] = [file.text(part), block.text(other)].map((lines) => lines.map(normalised).filter(Boolean)) as [
    string[],
    string[],
  ];
  const last = theirs.at(-1) ?? "";
  const at = ours.indexOf(last);
  const rest = ours.slice(at + 1);
  if (at < 0 || ours.lastIndexOf(last) !== at || rest.length === 0) return false;
  return rest.every((line) => !theirs.includes(line));
}

/** Only the first line of it is there, and the file has more. */
function isLeftOut({ file, block }: Sides, part: Part, other: Part): boolean {
  if (!block.bodyIsElided(other)) return false;
  return part.end > part.header + 1 || normalised(file.headerLine(part)) === normalised(block.headerLine(other));
}

/** More than this are not compared each with each. */
const mostCompared = 40_000;

/** Functions that the file's part has, and the block's one, which leaves nothing out, has not. */
export function missingMembers(file: Outline, part: Part, block: Outline, other: Part): string[] {
  const { kind, family } = file.language;
  if (kind === "styles" && part.declaration?.holds === "value") return missingProperties(file, part, block, other);
  const isMap = kind === "keys";
  if (!isMap && part.declaration?.holds !== "members") return [];
  const theirs = block.children(other);
  const ours = file.children(part).filter((child) => child.declaration !== undefined);
  const shown = firstByKey(block, theirs);
  const unknown = onlyUnknown(block, theirs, firstByKey(file, ours));
  const absent = ours.filter((child) => !shown.has(file.keyOf(child)));
  const missing =
    absent.length * unknown.length > mostCompared
      ? absent
      : absent.filter((child) => !unknown.some((their) => isRenamed(file, child, block, their)));
  const relevant = missing.filter(
    (child) => isMap || (child.declaration?.holds !== "value" && child.end > child.header + 1),
  );
  const nested = ours.flatMap((child) => {
    const their = shown.get(file.keyOf(child));
    return their && (family === "indentation" || child.end > child.header + 1)
      ? missingMembers(file, child, block, their)
      : [];
  });
  // One that goes while all others are as they were: that was meant.
  if (isMap && relevant.length === 1 && nested.length === 0 && ours.length >= 3) {
    const rest = ours.filter((child) => !missing.includes(child));
    const texts = new Set(theirs.map((their) => withoutComma(block, their)));
    if (rest.every((child) => texts.has(withoutComma(file, child)))) return [];
  }
  return [...relevant.map((child) => child.declaration?.name ?? ""), ...nested];
}

/** Of a rule of CSS. One that goes while all others are as they were: that was meant. */
function missingProperties(file: Outline, part: Part, block: Outline, other: Part): string[] {
  const of = (outline: Outline, each: Part) =>
    outline
      .children(each)
      .flatMap((child) => /^\s*([\w-]+)\s*:\s*(.*)$/.exec(outline.headerLine(child))?.slice(1, 3).join(":") ?? []);
  const [before, after] = [of(file, part), of(block, other)];
  const name = (property: string) => property.replace(/:.*$/, "");
  // `margin` is shown by `margin-top`, and the other way round.
  const covers = (a: string, b: string) => name(a) === name(b) || name(b).startsWith(`${name(a)}-`);
  const missing = before.filter((property) => !after.some((each) => covers(each, property) || covers(property, each)));
  const rest = before.filter((property) => !missing.includes(property));
  const isMeant = missing.length === 1 && rest.length > 0 && rest.every((property) => after.includes(property));
  return isMeant || rest.length === 0 ? [] : missing.map(name);
}

/** Whether a member is another by a new name, among all others that are shown: most of its lines are the same. */
function isRenamed(file: Outline, part: Part, block: Outline, other: Part): boolean {
  const [before, after] = [linesInside(file, part), linesInside(block, other)];
  return before.length > 0 && equalLines(before, after).length >= 0.6 * Math.max(before.length, after.length);
}

const withoutComma = (outline: Outline, part: Part): string =>
  outline.text(part).map(normalised).join("\n").replace(/,$/, "");

/** The first part with each key. */
function firstByKey(outline: Outline, parts: readonly Part[]): ReadonlyMap<string | undefined, Part> {
  return new Map([...parts].reverse().map((part) => [outline.keyOf(part), part]));
}

/** Functions that the file does not have by their names. */
const onlyUnknown = (
  block: Outline,
  theirs: readonly Part[],
  known: ReadonlyMap<string | undefined, Part>,
): readonly Part[] => theirs.filter((part) => part.declaration?.holds === "body" && !known.has(block.keyOf(part)));

/** Statements, some of them left out. */
export function mergeBody(
  sides: Sides,
  ours: readonly Part[],
  theirs: readonly Part[],
  container: Part | undefined,
): Edit[] {
  const { file, block } = sides;
  const withoutEnd = closesNowhere(ours, theirs, sides);
  const steps = align(file, withoutEnd, block, theirs);
  const indent = bodyIndent(sides, withoutEnd, theirs, steps, container);
  const edits: Edit[] = [];
  steps.forEach((step, index) => {
    if (step.kind === "pair") {
      const part = withoutEnd[step.ours];
      const other = theirs[step.theirs];
      if (part && other) edits.push(...mergePart(sides, part, other));
    } else if (step.kind === "gone") {
      const part = withoutEnd[step.ours];
      if (part && part.kind !== "comment") edits.push({ start: part.start, end: part.end, lines: [] });
    } else if (step.kind === "new" || (step.kind === "elision" && isLiteral(step, steps, theirs))) {
      const other = theirs[step.theirs];
      if (other && !isAboveLeftOut(sides, withoutEnd, steps, index, other))
        edits.push(inserted(sides, withoutEnd, steps, index, other, indent, container));
    }
  });
  return edits;
}

/** A comment that the file has above what is left out next. */
function isAboveLeftOut(
  { file, block }: Sides,
  ours: readonly Part[],
  steps: readonly Step[],
  index: number,
  other: Part,
): boolean {
  const next = steps.slice(index + 1).find(({ kind }) => kind !== "elision");
  const part = next?.kind === "kept" ? ours[next.ours] : undefined;
  if (other.kind !== "comment" || !part) return false;
  const [lead, shown] = [file.lines.slice(part.start, part.header), block.text(other)].map((lines) =>
    lines.map(normalised),
  );
  return shown?.every((line, at) => line === lead?.[at]) ?? false;
}

/** Where the block ends in what it leaves out, the file's closing line belongs to that. */
function closesNowhere(ours: readonly Part[], theirs: readonly Part[], { file }: Sides): readonly Part[] {
  const last = ours.at(-1);
  if (!last || theirs.at(-1)?.kind !== "elision") return ours;
  return /^\s*[)\]}]+[;,)]*\s*$/.test(file.headerLine(last)) ? ours.slice(0, -1) : ours;
}

/** Words that only may stand for code are what they say where there is none to stand for. */
function isLiteral(step: Step & { kind: "elision" }, steps: readonly Step[], theirs: readonly Part[]): boolean {
  if (theirs[step.theirs]?.elision !== "likely") return false;
  return !steps.some((other) => other.kind === "kept" && other.elision === step.theirs);
}

function bodyIndent(
  { file, block }: Sides,
  ours: readonly Part[],
  theirs: readonly Part[],
  steps: readonly Step[],
  container: Part | undefined,
): IndentMap {
  const pairs = steps.flatMap((step) => {
    const [part, other] = step.kind === "pair" ? [ours[step.ours], theirs[step.theirs]] : [];
    if (!part || !other || !/\w/.test(file.headerLine(part))) return [];
    return { from: indentOf(block.headerLine(other)), to: indentOf(file.headerLine(part)) };
  });
  const indent = IndentMap.learned(pairs, block.unit, file.unit);
  const first = ours[0];
  const their = theirs[0];
  if (container && first && their) indent.learn(indentOf(block.headerLine(their)), indentOf(file.headerLine(first)));
  return indent;
}

function inserted(
  { file, block }: Sides,
  ours: readonly Part[],
  steps: readonly Step[],
  index: number,
  other: Part,
  indent: IndentMap,
  container: Part | undefined,
): Edit {
  const step = steps[index];
  const at = step?.kind === "new" || step?.kind === "elision" ? step.at : 0;
  const lines = block.text(other).map((line) => indent.line(line));
  const before = ours[at - 1];
  // Between what is paired before and what is left out before it: where the file's lines end.
  const position = before?.end ?? ours[0]?.start ?? (container ? file.headEnd(container) : file.lines.length);
  const previous = steps[index - 1];
  const blanks = previous === undefined ? 0 : other.blanks;
  return { start: position, end: position, lines: [...blankLines(blanks), ...lines] };
}

/** Declarations, each by its name; all that the block does not name stays. */
export function mergeMembers(
  sides: Sides,
  ours: readonly Part[],
  theirs: readonly Part[],
  container: Part | undefined,
): Edit[] {
  const { file, block } = sides;
  const pairs = pairAll(sides, ours, theirs, container);
  const edits: Edit[] = [];
  if (!container) edits.push(...mergeImports(file, block, theirs));
  const claimed = new Set<Part>();
  theirs.forEach((other, index) => {
    if (other.kind === "elision" || (other.kind === "import" && !container)) return;
    const part = pairs.get(other);
    if (part) {
      if (claimed.has(part)) refuse(l10n.t("The code has {0} twice.", file.nameOf(part)));
      claimed.add(part);
      edits.push(...mergePart(sides, part, other));
    } else if (!isLabel(sides, other, index) && /\w/.test(block.headerLine(other))) {
      edits.push(...newMember(sides, ours, theirs, index, pairs, container));
    }
  });
  return edits;
}

/** A comment above everything that names the file, or says something about the code: not part of it. */
function isLabel({ block, file }: Sides, other: Part, index: number): boolean {
  if (other.kind !== "comment") return false;
  const text = block.text(other);
  if (text.every((line) => pathIn(line) !== undefined)) return true;
  if (text.every(mayStandForCode)) return true;
  const known = new Set(file.lines.map(normalised));
  return text.every((line) => known.has(normalised(line))) || (index === 0 && text.length === 1);
}

function pairAll(
  sides: Sides,
  ours: readonly Part[],
  theirs: readonly Part[],
  container: Part | undefined,
): Map<Part, Part> {
  const pairs = new Map<Part, Part>();
  for (const other of theirs) {
    if (other.kind === "elision" || other.kind === "import" || other.kind === "comment") continue;
    // A closing bracket says nothing about a place; an opening one may be all of the file's level.
    if (!/\w|^\s*[{[]/.test(sides.block.headerLine(other))) continue;
    const part = counterpart(sides, ours, other, container === undefined, theirs);
    if (part) pairs.set(other, part);
  }
  return pairs;
}
