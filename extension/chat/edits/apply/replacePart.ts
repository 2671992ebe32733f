import * as l10n from "@vscode/l10n";
import type { Edit } from "./edit.js";
import { elidedBody, elisionOf } from "./elision.js";
import { IndentMap, indentOf, normalised, unitOf, width } from "./indentation.js";
import { equalLines } from "./likeness.js";
import type { Outline, Part } from "./parts.js";
import { pathIn } from "./paths.js";
import { refuse } from "./refusal.js";

/** How the lines of a part of the block are to be indented where the file's part is. */
function indentFor(ours: Outline, part: Part, theirs: Outline, other: Part): IndentMap {
  const from = unitOf(theirs.text(other)) ?? theirs.unit;
  const to = ours.unit;
  const usual = new IndentMap(from, to);
  usual.learn(indentOf(theirs.headerLine(other)), indentOf(ours.headerLine(part)));
  // Indented as the file is: a line that the file has elsewhere, deeper, says nothing.
  const moved = movedAsAWhole(ours, part, theirs, other);
  if (moved) return moved;
  const isSame = from !== undefined && to !== undefined && from.tabs === to.tabs && from.columns === to.columns;
  if (isSame && indentOf(theirs.headerLine(other)) === indentOf(ours.headerLine(part))) return usual;
  const left = ours.lines.slice(part.header, part.end);
  const right = theirs.lines.slice(other.header, other.end);
  // Its first line alone has lost its indentation: the others are as deep as the file's would be.
  const body = right.slice(1).filter((line) => /\w/.test(line));
  const deep = width(indentOf(ours.headerLine(part)));
  if (isSame && deep > 0 && Math.min(...body.map((line) => width(indentOf(line)))) === deep + to.columns) {
    const kept = new IndentMap(from, to);
    for (const line of right.slice(1)) kept.learn(indentOf(line), indentOf(line));
    return kept;
  }
  const words = equalLines(left, right).filter(([index]) => /\w/.test(left[index] ?? ""));
  const pairs = words.map(([a, b]) => ({
    to: indentOf(left[a] ?? ""),
    from: indentOf(right[b] ?? ""),
  }));
  const agreeing = pairs.filter((pair) => usual.map(pair.from) === pair.to).length;
  if (agreeing >= pairs.length * 0.6) return usual;
  // The first line has lost its indentation, or the block mixes several: each as most lines that are in both.
  const votes = new Map<string, Map<string, number>>();
  for (const pair of pairs) {
    const counts = votes.get(pair.from) ?? new Map<string, number>();
    counts.set(pair.to, (counts.get(pair.to) ?? 0) + 1);
    votes.set(pair.from, counts);
  }
  const learned = new IndentMap(from, to);
  for (const [indent, counts] of votes)
    learned.learn(indent, [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? indent);
  return learned;
}

/**
 * All lines are moved as the first one is, where the line below it is as much deeper as in the file, or most lines that are
 * in both agree.
 */
function movedAsAWhole(ours: Outline, part: Part, theirs: Outline, other: Part): IndentMap | undefined {
  const [to, from] = [indentOf(ours.headerLine(part)), indentOf(theirs.headerLine(other))];
  const map = IndentMap.moved(from, to);
  const [old, shown] = [deeper(ours, part, to), deeper(theirs, other, from)];
  if (old !== undefined && old === shown) return map;
  const left = ours.lines.slice(part.header + 1, part.end);
  const right = theirs.lines.slice(other.header + 1, other.end);
  const deep = equalLines(left, right).filter(([at]) => /\w/.test(left[at] ?? "") && indentOf(left[at] ?? "") !== to);
  const agreeing = deep.filter(([at, index]) => map.map(indentOf(right[index] ?? "")) === indentOf(left[at] ?? ""));
  return agreeing.length >= 2 && agreeing.length >= deep.length * 0.7 ? map : undefined;
}

/** What the first line inside has before it beyond `indent`; undefined where it is not indented further. */
function deeper({ lines }: Outline, { header, end }: Part, indent: string): string | undefined {
  const first = indentOf(lines.slice(header + 1, end).find((line) => /\w/.test(line)) ?? "");
  return first.startsWith(indent) && first !== indent ? first.slice(indent.length) : undefined;
}

/** The part takes the place of the file's one, which keeps comments and decorators that the block leaves out. */
export function replacePart(ours: Outline, part: Part, theirs: Outline, other: Part): Edit {
  const indent = indentFor(ours, part, theirs, other);
  const lead = mergedLead(ours, part, theirs, other, indent);
  const texts = textIndent(ours, part, theirs, other, indent);
  const body = theirs.lines
    .slice(other.header, other.end)
    .map((line, index) => (theirs.isInside(other.header + index) ? texts(line) : indent.line(line)));
  const header = indentOf(ours.headerLine(part)) + (body[0] ?? "").trimStart();
  body[0] = withExport(ours.headerLine(part), header);
  const old = ours.lines.slice(part.start, part.end);
  const lines = [...lead, ...body];
  const isEntry = ours.language.kind === "keys" && ours.language.family === "brackets";
  if (isEntry || (/\},?\s*$/.test(old.at(-1) ?? "") && /\},?\s*$/.test(lines.at(-1) ?? ""))) fixComma(lines, old);
  return { start: part.start, end: part.end, lines: keepTrailingBlanks(lines, old) };
}

/** Blanks inside a text of several lines are not indentation: they change as those of its lines that the file has too. */
function textIndent(
  ours: Outline,
  part: Part,
  theirs: Outline,
  other: Part,
  usual: IndentMap,
): (line: string) => string {
  const left = ours.lines.slice(part.header, part.end);
  const right = theirs.lines.slice(other.header, other.end);
  const known = equalLines(left, right).filter(([, index]) => theirs.isInside(other.header + index));
  if (usual.changesNothing) return (line) => line;
  const agreeing = (map: (indent: string) => string) =>
    known.filter(([at, index]) => map(indentOf(right[index] ?? "")) === indentOf(left[at] ?? "")).length;
  const [kept, moved] = [agreeing((indent) => indent), agreeing((indent) => usual.map(indent))];
  if (kept > 0 && kept >= moved) return (line) => line;
  if (moved > 0) return (line) => (line.trim() === "" ? line : usual.line(line));
  const map = new IndentMap(undefined, undefined);
  for (const [at, index] of known) map.learn(indentOf(right[index] ?? ""), indentOf(left[at] ?? ""));
  return (line) => {
    if (line.trim() === "") return line;
    if (known.length > 0) return map.line(line);
    const shifted = usual.line(line);
    if (shifted !== line && ours.language.family === "brackets")
      refuse(l10n.t("The code changes the indentation of multi-line text, where whitespace could matter."));
    return shifted;
  };
}

/** What is above the header: the block's where it has any, the file's otherwise, for comments and decorators each. */
function mergedLead(ours: Outline, part: Part, theirs: Outline, other: Part, indent: IndentMap): string[] {
  const [notes, marks] = sorted(ours.lines.slice(part.start, part.header));
  const raw = theirs.lines.slice(other.start, other.header).filter((line) => pathIn(line) === undefined);
  const [newNotes, newMarks] = sorted(raw.map((line) => indent.line(line)));
  // The end of a comment whose beginning was left out.
  const tail = notes.slice(notes.length - newNotes.length).map(normalised);
  const isTail = newNotes.length < notes.length && newNotes.every((line, index) => normalised(line) === tail[index]);
  if (newNotes.length > 0 && newMarks.length === 0 && isTail) return ours.lines.slice(part.start, part.header);
  if (newNotes.length > 0 && newMarks.length > 0) return raw.map((line) => indent.line(line));
  if (newNotes.length + newMarks.length === 0) return ours.lines.slice(part.start, part.header);
  return [...(newNotes.length > 0 ? newNotes : notes), ...(newMarks.length > 0 ? newMarks : marks)];
}

function sorted(lines: readonly string[]): [notes: string[], marks: string[]] {
  const first = lines.findIndex((line) => /^\s*(?:@|#!?\[|\[|template\b)/.test(line));
  return first < 0 ? [[...lines], []] : [lines.slice(0, first), lines.slice(first)];
}

/** A model forgets that others import it. */
function withExport(old: string, line: string): string {
  const exported = /^\s*(export\s+(?:default\s+)?|pub(?:\([^)]*\))?\s+)/.exec(old)?.[1];
  if (exported === undefined || /^\s*(?:export|pub)\b/.test(line)) return line;
  if (
    !/^\s*(?:async\s+)?(?:function|class|const|let|var|interface|type|enum|abstract|declare|namespace|fn|struct|trait|mod|unsafe|static)\b/.test(
      line,
    )
  )
    return line;
  const indent = indentOf(line);
  return indent + exported + line.slice(indent.length);
}

function fixComma(lines: string[], old: readonly string[]): void {
  const last = lines.length - 1;
  const line = lines[last] ?? "";
  const hasComma = /,\s*$/.test(line);
  const wanted = /,\s*$/.test(old.at(-1) ?? "");
  if (wanted && !hasComma) lines[last] = `${line},`;
  if (!wanted && hasComma) lines[last] = line.replace(/,\s*$/, "");
}

/** Lines that differ in nothing but blanks at their end stay as they are. */
export function keepTrailingBlanks(lines: readonly string[], old: readonly string[]): string[] {
  const result = [...lines];
  for (const [index, other] of equalLines(lines, old)) {
    const before = old[other] ?? "";
    if (before.trimEnd() === (lines[index] ?? "").trimEnd()) result[index] = before;
  }
  return result;
}

/** Only the first line is changed: the rest was left out. */
export function replaceHeader(ours: Outline, part: Part, theirs: Outline, other: Part): Edit[] {
  const old = ours.headerLine(part);
  const shown = theirs.headerLine(other);
  const begun = other.end === other.header + 1 ? elidedBody(shown) : undefined;
  if (begun === undefined && (ours.headEnd(part) > part.header + 1 || theirs.headEnd(other) > other.header + 1))
    return replaceLongHeader(ours, part, theirs, other);
  const line = begun === undefined ? shown : begun + (/\{\s*$/.test(old) && !/:\s*$/.test(begun) ? " {" : "");
  if (normalised(old) === normalised(line)) return [];
  const indented = indentOf(old) + line.trimStart();
  return [{ start: part.header, end: part.header + 1, lines: [withExport(old, indented)] }];
}

/** The same where parameters have lines of their own. */
function replaceLongHeader(ours: Outline, part: Part, theirs: Outline, other: Part): Edit[] {
  const end = ours.headEnd(part);
  const old = ours.lines.slice(part.header, end);
  const shown = theirs.lines.slice(other.header, theirs.headEnd(other));
  const same = (lines: readonly string[]) => lines.map(normalised).join("\n");
  if (same(old) === same(shown)) return [];
  // Some of the parameters are left out, and those that are shown are the file's.
  const known = new Set(old.map(normalised));
  const isMark = (line: string) => elisionOf(line, () => false) === "certain";
  if (shown.some(isMark) && shown.every((line) => isMark(line) || known.has(normalised(line)))) return [];
  const indent = indentFor(ours, part, theirs, other);
  const [first = "", ...rest] = shown.map((line) => indent.line(line));
  const header = withExport(old[0] ?? "", indentOf(old[0] ?? "") + first.trimStart());
  return [{ start: part.header, end, lines: [header, ...rest] }];
}

/** The same for what is above it. */
export function replaceLead(ours: Outline, part: Part, theirs: Outline, other: Part): Edit[] {
  if (other.start === other.header) return [];
  const indent = new IndentMap(theirs.unit, ours.unit);
  indent.learn(indentOf(theirs.headerLine(other)), indentOf(ours.headerLine(part)));
  const lines = mergedLead(ours, part, theirs, other, indent);
  const old = ours.lines.slice(part.start, part.header);
  const same =
    lines.length === old.length && lines.every((line, index) => normalised(line) === normalised(old[index] ?? ""));
  return same ? [] : [{ start: part.start, end: part.header, lines }];
}

export const blankLines = (count: number): string[] => Array.from({ length: count }, () => "");
