import * as l10n from "@vscode/l10n";
import type { Edit } from "./edit.js";
import { applyEdits } from "./edit.js";
import { elisionOf } from "./elision.js";
import { type FileDiff, type Hunk, type HunkLine, parseDiff } from "./hunks.js";
import { IndentMap, indentOf, isBlank, unitOf } from "./indentation.js";
import { type Found, locate } from "./locate.js";
import type { Outline, Part } from "./parts.js";
import { isPathOf } from "./paths.js";
import { refuse } from "./refusal.js";

/** Whether a block is a diff, as far as that can be told without the file. */
function looksLikeDiff(block: readonly string[]): boolean {
  const signed = block.some((line) => /^[-+](?![-+])/.test(line));
  const isHeader = (line: string) =>
    /^@@ ?-\d+(?:,\d+)? \+\d+|^@@(?:\s|$)|^diff --git |^\*\*\* (?:Begin Patch|Update File:|Add File:)/.test(line);
  const hasHeader = block.some(isHeader);
  const hasNames = block.some((line, index) => /^--- \S/.test(line) && /^\+\+\+ \S/.test(block[index + 1] ?? ""));
  return (signed && hasHeader) || hasNames;
}

/** Also where only the signs are left of it: then what goes has to be in the file, and no line with its sign. */
export function isDiff(block: readonly string[], file: readonly string[]): boolean {
  if (looksLikeDiff(block)) return true;
  const known = new Set(file.map((line) => line.trim()));
  const added = block.filter((line) => /^\+(?!\+)/.test(line));
  const removed = block.filter((line) => /^-(?!-)/.test(line) && !isBlank(line.slice(1)));
  if (added.length + removed.length === 0) return false;
  if ([...added, ...removed].some((line) => known.has(line.trim()))) return false;
  const goes = removed.length > 0 && removed.every((line) => known.has(line.slice(1).trim()));
  if (goes) return true;
  const rest = block.filter((line) => !/^[-+]/.test(line) && !isBlank(line));
  return removed.length === 0 && rest.length > 0 && rest.every((line) => known.has(line.trim()));
}

/**
 * Applies the hunks for one file.
 * @returns its lines, and what the diff says of the end of the file
 * @throws Refusal when a hunk has no place, or several
 */
export function applyDiff(
  outline: Outline,
  block: readonly string[],
  path: string,
  comment: RegExp | undefined,
): { lines: string[]; endsWithNewline?: boolean | undefined } {
  const file = outline.lines;
  const diff = diffFor(parseDiff(block), path);
  if (diff.isDeletion) refuse(l10n.t("The change deletes the file."));
  const { hunks } = diff;
  if (hunks.length === 0) refuse(l10n.t("The diff changes nothing."));
  if (file.every(isBlank)) {
    if (hunks.some(({ lines }) => lines.some(({ sign }) => sign === "-")))
      refuse(l10n.t("The diff removes lines, but the file is empty."));
    return { lines: hunks.flatMap(({ lines }) => lines.map(({ text }) => text)) };
  }
  const ordered = hunks.every(({ line }, index) => {
    const before = hunks[index - 1]?.line;
    return line === undefined || before === undefined || line >= before;
  });
  const known = new Set(file.map((line) => line.trim()));
  const edits: Edit[] = [];
  const search: Search = { outline, comment, from: 0 };
  hunks
    .flatMap((hunk) => atElisions(hunk, (line) => known.has(line.trim())))
    .forEach((hunk, index) => {
      const found = place(
        { ...search, from: ordered ? search.from : 0 },
        hunk,
        hunks.length > 1 ? l10n.t("Part {0}: ", index + 1) : "",
      );
      edits.push(...found.edits);
      search.from = found.end;
    });
  // Models write it below any hunk: it says something where the file ends.
  const isEnd = file.slice(search.from).every(isBlank);
  const said = isEnd
    ? hunks.map(({ endsWithNewline }) => endsWithNewline).findLast((value) => value !== undefined)
    : undefined;
  return { lines: applyEdits(file, edits), endsWithNewline: said };
}

function diffFor(files: readonly FileDiff[], path: string): FileDiff {
  const named = (file: FileDiff) =>
    [file.newPath, file.oldPath].filter((name) => name !== undefined && name !== "/dev/null");
  const ours = files.filter(
    (file) => named(file).length === 0 || named(file).some((name) => isPathOf(name ?? "", path)),
  );
  const [only, ...others] = ours;
  if (!only) refuse(l10n.t("The diff is for another file: {0}.", files.flatMap(named)[0] ?? l10n.t("none is named")));
  return { ...only, hunks: [...only.hunks, ...others.flatMap(({ hunks }) => hunks)] };
}

/** Where lines between are left out, there are two hunks. */
function atElisions(hunk: Hunk, known: (line: string) => boolean): Hunk[] {
  const pieces: HunkLine[][] = [[]];
  for (const line of hunk.lines) {
    const elision = elisionOf(line.text, known);
    if (elision !== undefined && line.sign === "+") refuse(l10n.t("The new lines leave code out."));
    if (elision !== undefined) pieces.push([]);
    else pieces.at(-1)?.push(line);
  }
  return pieces.filter((lines) => lines.some(({ sign }) => sign !== " ")).map((lines) => ({ ...hunk, lines }));
}

interface Search {
  outline: Outline;
  comment: RegExp | undefined;
  /** Index behind the hunk before. */
  from: number;
}

interface Placed {
  edits: Edit[];
  end: number;
}

function place(search: Search, hunk: Hunk, subject: string): Placed {
  const file = search.outline.lines;
  const old = oldLines(hunk.lines);
  if (old.every(({ text }) => isBlank(text)))
    refuse(l10n.t("{0}The diff says nothing about where its new lines belong.", subject));
  const found = locate(
    file,
    old.map(({ text }) => text),
    search.comment,
  );
  if (found.length > 0) {
    const only = choose(search, found, hunk, 0, subject);
    return { edits: editsOf(search.outline, hunk.lines, only), end: only.end };
  }
  return placeGroups(search, hunk, subject);
}

const oldLines = (lines: readonly HunkLine[]) => lines.filter(({ sign }) => sign !== "+");

/** Of several places: the one inside what the header names, or behind the hunk before, or exactly where the header says. */
function choose(search: Search, found: readonly Found[], hunk: Hunk, offset: number, subject: string): Found {
  let left = [...found];
  const heading = hunk.headings.at(-1);
  if (left.length > 1 && heading !== undefined) {
    const areas = areasOf(search.outline, hunk.headings);
    const inside = left.filter(({ start, end }) => areas.some((area) => start >= area.header && end <= area.end));
    if (inside.length > 0) left = inside;
  }
  if (left.length > 1 && search.from > 0) left = left.filter(({ start }) => start >= search.from);
  if (left.length > 1 && hunk.line !== undefined && hunk.line > 1) {
    const line = hunk.line;
    const exact = left.filter(({ start }) => start === line - 1 + offset);
    if (exact.length === 1) left = exact;
  }
  const [only, ...others] = left;
  const first = oldLines(hunk.lines).find(({ sign, text }) => sign === "-" && !isBlank(text)) ?? hunk.lines[0];
  const words = (first?.text ?? "").trim().slice(0, 80);
  if (!only) refuse(l10n.t("{0}The lines to be changed are not there in this order: “{1}”.", subject, words));
  if (others.length > 0)
    refuse(l10n.t("{0}The lines to be changed are in the file {1} times: “{2}”.", subject, left.length, words));
  return only;
}

/** The parts of the file whose first line is a heading of the hunk. */
function areasOf(outline: Outline, headings: readonly string[]): Part[] {
  let areas: readonly Part[] = outline.roots;
  for (const heading of headings) {
    const wanted = heading.replace(/[\s{:]+$/, "");
    const inside: Part[] = [];
    const look = (parts: readonly Part[]) => {
      for (const part of parts) {
        if (outline.headerLine(part).trim().startsWith(wanted)) inside.push(part);
        else look(part.end > part.header + 1 ? outline.children(part) : []);
      }
    };
    look(areas === outline.roots ? areas : areas.flatMap((area) => outline.children(area)));
    if (inside.length === 0) continue;
    areas = inside;
  }
  return areas === outline.roots ? [] : [...areas];
}

/** Each run of changes by itself, with as many of its unchanged neighbours as can be found. */
function placeGroups(search: Search, hunk: Hunk, subject: string): Placed {
  const edits: Edit[] = [];
  let from = search.from;
  for (const { before, changes, after } of groups(hunk.lines)) {
    const { lines, found, offset } = nearest({ ...search, from }, hunk, before, changes, after, subject);
    const only = choose({ ...search, from }, found, { ...hunk, lines }, offset, subject);
    edits.push(...editsOf(search.outline, lines, only));
    from = only.end;
  }
  return { edits, end: from };
}

interface Group {
  before: HunkLine[];
  changes: HunkLine[];
  after: HunkLine[];
}

function groups(lines: readonly HunkLine[]): Group[] {
  const result: Group[] = [];
  let context: HunkLine[] = [];
  let current: Group | undefined;
  for (const line of lines) {
    if (line.sign === " ") {
      context.push(line);
      current?.after.push(line);
    } else {
      if (!current || context.length > 0) {
        current = { before: context, changes: [], after: [] };
        result.push(current);
      }
      context = [];
      current.changes.push(line);
    }
  }
  return result;
}

function nearest(
  search: Search,
  hunk: Hunk,
  before: HunkLine[],
  changes: HunkLine[],
  after: HunkLine[],
  subject: string,
) {
  const file = search.outline.lines;
  const goes = changes.filter(({ sign, text }) => sign === "-" && !isBlank(text));
  const most = Math.max(before.length, after.length);
  for (let count = most; count >= 0; count--) {
    for (const [left, right] of [
      [count, count],
      [count, 0],
      [0, count],
    ] as const) {
      const lines = [...(left > 0 ? before.slice(-left) : []), ...changes, ...after.slice(0, right)];
      const context = lines.filter(({ sign, text }) => sign === " " && !isBlank(text)).length;
      // New lines alone between neighbours that the file doesn't have next to each other could belong to either.
      if (goes.length === 0 && (left === 0 || right === 0) && before.length > 0 && after.length > 0) continue;
      const hasContext = before.length + after.length > 0;
      if (context === 0 && !hasContext && !isTelling(goes)) continue;
      const old = oldLines(lines).map(({ text }) => text);
      const all = locate(file, old, search.comment);
      const found = context === 0 && hasContext ? all.filter((each) => isBetween(file, each, before, after)) : all;
      if (found.length > 0) return { lines, found, offset: Math.max(before.length - left, 0) };
    }
  }
  const first = goes[0] ?? before.at(-1) ?? after[0] ?? hunk.lines[0];
  return refuse(
    l10n.t("{0}The lines to be changed are not in the file: “{1}”.", subject, (first?.text ?? "").trim().slice(0, 80)),
  );
}

/** Whether what goes is more than a bracket or a word that is everywhere. */
const isTelling = (lines: readonly HunkLine[]) =>
  lines.some(({ text }) => text.replaceAll(/[^\p{L}\p{N}]/gu, "").length >= 6);

/** Whether the hunk's unchanged lines are above and below a place, though not next to it. */
function isBetween(
  file: readonly string[],
  { start, end }: Found,
  before: readonly HunkLine[],
  after: readonly HunkLine[],
): boolean {
  const has = (lines: readonly string[], context: readonly HunkLine[]) =>
    context.length === 0 ||
    context.some(({ text }) => /\w{2}/.test(text) && lines.some((line) => line.trim() === text.trim()));
  return has(file.slice(Math.max(start - 40, 0), start), before) && has(file.slice(end, end + 40), after);
}

function editsOf({ lines: file, unit }: Outline, lines: readonly HunkLine[], found: Found): Edit[] {
  const indent = new IndentMap(unitOf(lines.map(({ text }) => text)), unit);
  // What goes has its sign before it and so its own indentation; what stays may have lost a blank.
  const old = oldLines(lines);
  const learn = (sign: HunkLine["sign"]) => {
    old.forEach((line, index) => {
      const at = found.at[index];
      if (line.sign === sign && at !== undefined && !isBlank(line.text))
        indent.learn(indentOf(line.text), indentOf(file[at] ?? ""));
    });
  };
  learn("-");
  if (!lines.some(({ sign, text }) => sign === "-" && !isBlank(text))) learn(" ");
  const edits: Edit[] = [];
  let index = 0;
  let place = found.start;
  let current: { start: number; end: number; lines: string[] } | undefined;
  for (const { sign, text } of lines) {
    if (sign === "+") {
      current ??= start(edits, place);
      current.lines.push(indent.line(text));
      continue;
    }
    const at = found.at[index];
    index += 1;
    if (sign === " ") {
      current = undefined;
      if (at !== undefined) place = at + 1;
      continue;
    }
    if (at === undefined) {
      if (!isBlank(text))
        refuse(l10n.t("A comment that the diff removes is worded differently in the file, or is missing."));
      continue;
    }
    if (current && current.end !== at) current = undefined;
    current ??= start(edits, at);
    current.end = at + 1;
    place = at + 1;
  }
  return edits;
}

function start(edits: Edit[], at: number) {
  const edit = { start: at, end: at, lines: [] as string[] };
  edits.push(edit);
  return edit;
}
