import { type Form, formOf, isTest, qualifierOf } from "./forms.js";
import { indentOf } from "./indentation.js";
import { assignedTo } from "./names.js";
import { oncePer } from "./oncePer.js";
import type { Outline, Part } from "./parts.js";

/** Where a new piece goes. */
export interface Place {
  after: Part;
  /** The piece is indented as this is. */
  like: Part;
  /** Blank lines between. */
  gap: number;
}

/**
 * Where something that the file lacks usually is, when the code shows nothing else of the file: after its likes, or at
 * the end, though before what has to be last.
 * @returns undefined where there are several such places, or none
 */
export function place(file: Outline, block: Outline, other: Part): Place | undefined {
  if (other.kind !== "declaration") return undefined;
  if (file.language.kind !== "code") return asLastSection(file, other);
  const name = other.declaration?.name ?? "";
  if (isTaken(file, name)) return undefined;
  const level = topLevel(file);
  const form = formOf(block, other);
  const test = isTest(block, other);
  // Tests of a file belong in another one, unless it has some.
  if (test && !everyPart(file).some((part) => isTest(file, part))) return undefined;
  const qualifier = qualifierOf(block, other);
  if (qualifier !== undefined) {
    const alike = level.filter((part) => qualifierOf(file, part) === qualifier);
    const last = alike.at(-1);
    if (last) return beside(level, last);
    if (form !== "received") return qualifier.endsWith("exports") ? atEnd(file, level, block, other) : undefined;
    const type = level.find(({ declaration }) => declaration?.name === qualifier);
    return type ? atEnd(file, level, block, other) : undefined;
  }
  if (form === "constant") return besideConstants(file, level, block, other);
  const siblings = byForm(level, file).get(form) ?? [];
  if (form === "case" && siblings.length > 0) return beside(level, siblings.at(-1));
  if (form === "case") return inOnly(file, level, "suite");
  if (test && form === "function" && !siblings.some((part) => isTest(file, part))) return inOnly(file, level, "class");
  if (form === "member" && siblings.length === 0) return inOnly(file, level, "class");
  const classes = byForm(level, file).get("class") ?? [];
  // Where all functions are methods, a function by itself could be one more of them.
  if (form === "ambiguous" && classes.length > 0 && !siblings.length) return undefined;
  return atEnd(file, level, block, other);
}

const byForm = oncePer((level: readonly Part[], file: Outline) => {
  const forms = new Map<Form, Part[]>();
  for (const part of level) {
    const form = formOf(file, part);
    const known = forms.get(form);
    if (known) known.push(part);
    else forms.set(form, [part]);
  }
  return forms;
});

/** The parts that are more than brackets. */
export const withWords = oncePer((level: readonly Part[], file: Outline) =>
  level.filter((part) => /\w/.test(file.headerLine(part))),
);

/** A rule of CSS, or a section of TOML: below the others, where what follows does not depend on order. */
function asLastSection(file: Outline, other: Part): Place | undefined {
  const { kind } = file.language;
  const last = file.roots.at(-1);
  const isSection = kind === "styles" ? isWhole(other) : kind === "keys" && /^\[/.test(other.declaration?.name ?? "");
  if (!isSection || last?.kind !== "declaration" || /^@/.test(file.headerLine(last))) return undefined;
  return {
    after: last,
    like: file.roots.find((part) => part.kind === "declaration") ?? last,
    gap: Math.max(last.blanks, 1),
  };
}

/** Parts of a file of which all is in one namespace are that namespace's. */
function topLevel(file: Outline): readonly Part[] {
  const code = file.roots.filter(({ kind }) => kind === "declaration");
  const [only, ...others] = code;
  if (!only || others.length > 0 || formOf(file, only) !== "namespace") return file.roots;
  return file.children(only);
}

function* walk(file: Outline, parts: readonly Part[], depth = 0): Generator<Part> {
  for (const part of parts) {
    yield part;
    if (depth < 3 && part.declaration?.holds === "members") yield* walk(file, file.children(part), depth + 1);
  }
}

const everyPart = (file: Outline): Part[] => [...walk(file, file.roots)];

/** What imports bring and statements set. */
const takenIn = oncePer(
  (file: Outline): ReadonlySet<string> =>
    new Set(
      file.roots.flatMap((part) => {
        if (part.kind === "statement") return assignedTo(file.headerLine(part)) ?? [];
        if (part.kind !== "import") return [];
        return (
          file.lines
            .slice(part.header, part.end)
            .join(" ")
            .match(/(?<![\p{L}\p{N}_$.])[\p{L}\p{N}_$]+/gu) ?? []
        );
      }),
    ),
);

/** The name stands for something else already: an import, or a variable. */
function isTaken(file: Outline, name: string): boolean {
  if (/^[\p{L}\p{N}_$]+$/u.test(name)) return takenIn(file).has(name);
  const word = new RegExp(
    `(?<![\\p{L}\\p{N}_$.])${name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\p{N}_$])`,
    "u",
  );
  return file.roots.some(
    (part) =>
      (part.kind === "import" && word.test(file.lines.slice(part.header, part.end).join(" "))) ||
      (part.kind === "statement" && assignedTo(file.headerLine(part)) === name),
  );
}

function beside(level: readonly Part[], last: Part | undefined): Place | undefined {
  return last && { after: last, like: last, gap: usualGap(level) ?? Math.min(Math.max(last.blanks, 1), 2) };
}

/** At the end of the only class, or of the only suite of tests, that the file has. */
function inOnly(file: Outline, level: readonly Part[], form: Form): Place | undefined {
  const all = level.filter((part) => formOf(file, part) === form && !/^impl\b.*\bfor\b/.test(file.headerLine(part)));
  const [only, ...others] = all;
  if (!only || others.length > 0 || only.end === only.header + 1) return undefined;
  const members = file.children(only).filter((part) => part.kind !== "comment" && /\w/.test(file.headerLine(part)));
  const last = members.at(-1);
  return last && beside(members, last);
}

/** Constants are together at the top. */
function besideConstants(file: Outline, level: readonly Part[], block: Outline, other: Part): Place | undefined {
  const isFirst = (form: Form) => !["constant", "type", "other"].includes(form);
  const first = level.findIndex((part) => part.declaration !== undefined && isFirst(formOf(file, part)));
  const top = first < 0 ? level : level.slice(0, first);
  const last = top.findLast((part) => formOf(file, part) === "constant");
  if (!last || first < 0) return undefined;
  const words = new Set(
    block.lines
      .slice(other.header, other.end)
      .join(" ")
      .match(/[\p{L}\p{N}_$]+/gu),
  );
  // What it is made of has to be there before it.
  const usesLater = level.slice(first).some(({ declaration }) => declaration && words.has(declaration.name));
  return usesLater ? undefined : { after: last, like: last, gap: other.end > other.header + 1 ? 1 : 0 };
}

function atEnd(file: Outline, level: readonly Part[], block: Outline, other: Part): Place | undefined {
  const code = withWords(level, file);
  const last = lastBeforeTail(file, code, block, other);
  if (!last || last.kind === "comment") return undefined;
  const like = code.find(({ kind }) => kind === "declaration") ?? last;
  if (indentOf(file.headerLine(like)) !== indentOf(file.headerLine(last))) return undefined;
  return { after: last, like, gap: usualGap(level) ?? (hasTwo(file) ? 2 : 1) };
}

/** PEP 8 wants two. */
const hasTwo = ({ language }: Outline) => language.longQuotes.includes('"""') && language.lineComments.includes("#");

/** The last part behind which `other` can be: what exports, runs or tests the rest stays last. */
export function lastBeforeTail(file: Outline, level: readonly Part[], block: Outline, other: Part): Part | undefined {
  const isWholePiece = other.kind === "declaration";
  const isTail = (part: Part) => {
    const line = file.headerLine(part).trim();
    if (/^if\s+__name__\s*==/.test(line) || /^#\s*endif\b/.test(line)) return true;
    if (!isWholePiece) return false;
    if (/^module\.exports\s*=|^export\s+(?:default\s+[\w$.]+(?:\(.*)?;?$|\{)/.test(line)) return true;
    if (part.kind === "comment" || part.kind === "statement") return true;
    // In C, what is used has to be above.
    if (/^(?:static\s+)?(?:int|void|auto)\s+main\s*\(/.test(line)) return true;
    return /^mod\s+tests\b/.test(line) && !isTest(block, other);
  };
  return level.slice(0, level.findLastIndex((part) => !isTail(part)) + 1).at(-1);
}

/** A function, a class: not a line. */
export const isWhole = ({ kind, header, end }: Part): boolean => kind === "declaration" && end > header + 1;

/** How many blank lines most functions and classes have between them. */
export const usualGap = oncePer((level: readonly Part[]): number | undefined => {
  const counts = new Map<number, number>();
  level.forEach((part, index) => {
    const before = level[index - 1];
    if (before && isWhole(before) && isWhole(part)) counts.set(part.blanks, (counts.get(part.blanks) ?? 0) + 1);
  });
  return [...counts].sort(([a, left], [b, right]) => right - left || b - a)[0]?.[0];
});

const usageFrom = oncePer((theirs: readonly Part[], block: Outline): number => {
  const title =
    /^\s*(?:\/\/|#|--|\/\*)\W*(?:example|sample|usage|demo|test(?:ing)?)(?:\s+(?:of|usage|use|call|code|run|the)\b.*|\s*\W*)$/i;
  return theirs.findIndex(({ start }) => title.test(block.lines[start] ?? ""));
});

/** Lines below changed code that show how to use it: they are for the reader. */
export function isUsage(
  block: Outline,
  theirs: readonly Part[],
  index: number,
  pairs: ReadonlyMap<Part, Part>,
): boolean {
  const from = usageFrom(theirs, block);
  if (from <= 0 || index < from) return false;
  const rest = theirs.slice(from);
  const isPlain = rest.every(
    (part) =>
      !pairs.has(part) && (part.kind === "statement" || part.kind === "comment" || part.declaration?.holds === "value"),
  );
  return isPlain && theirs.slice(0, from).some((part) => pairs.has(part));
}
