import * as l10n from "@vscode/l10n";
import { applyEdits, type Edit } from "./edit.js";
import { elisionOf } from "./elision.js";
import { isBlank } from "./indentation.js";
import { type Found, locate } from "./locate.js";
import { isPathOf, pathIn } from "./paths.js";
import { refuse } from "./refusal.js";
import { replaceFound } from "./replacement.js";

interface Hunk {
  search: string[];
  replace: string[];
  /** The file it names, if it does. */
  path?: string | undefined;
}

const begins = /^\s*(?:<{4,10}|-{5,10})\s*\[?(?:SEARCH|ORIGINAL|FIND|OLD|BEFORE|HEAD|CURRENT|REMOVE)\b.*$/i;
const middle = /^\s*={4,10}\s*(?:REPLACE|SEARCH)?\s*$/;
const ends = /^\s*(?:>{4,10}|\+{5,10})(?:\s*\[?[\w./ -]+\]?)?\s*$/;

/** Whether a block says what to look for and what to put there. */
export const isSearchReplace = (block: readonly string[]): boolean =>
  block.some((line) => begins.test(line)) || tagged(block) !== undefined;

/**
 * Applies all hunks, in order.
 * @param comment matches comments at the end of a line, or alone on it
 * @throws Refusal when one has no place, or several
 */
export function applySearchReplace(
  file: readonly string[],
  block: readonly string[],
  path: string,
  comment: RegExp | undefined,
): string[] {
  const all = tagged(block) ?? parse(block);
  const hunks = all.filter((hunk) => hunk.path === undefined || isPathOf(hunk.path, path));
  if (hunks.length === 0) refuse(l10n.t("The change is for another file: {0}.", all[0]?.path ?? ""));
  let lines = [...file];
  hunks.forEach((hunk, index) => {
    lines = applyHunk(
      lines,
      hunk,
      hunks.length > 1 ? l10n.t("Part {0} of {1}: ", index + 1, hunks.length) : "",
      comment,
    );
  });
  return lines;
}

function parse(block: readonly string[]): Hunk[] {
  const hunks: Hunk[] = [];
  let path: string | undefined;
  let hunk: Hunk | undefined;
  let side: "search" | "replace" | undefined;
  for (const line of block) {
    if (side === undefined) {
      if (begins.test(line)) {
        hunk = { search: [], replace: [], path };
        side = "search";
      } else if (/^```/.test(line.trim()) || isBlank(line)) {
      } else {
        path = pathIn(line) ?? path;
        if (pathIn(line) === undefined && !/^(?:#|\/\/|--|\*|<!--|[A-Z][\w ,'.`-]*[:.]$)/.test(line.trim())) {
          refuse(l10n.t("There is code outside of the search and replace blocks."));
        }
      }
    } else if (begins.test(line)) {
      refuse(l10n.t("A search and replace block begins inside another: one was not ended."));
    } else if (side === "search" && middle.test(line)) {
      side = "replace";
    } else if (side === "replace" && ends.test(line)) {
      if (hunk) hunks.push(hunk);
      hunk = undefined;
      side = undefined;
    } else if (side === "replace" && middle.test(line)) {
      refuse(l10n.t("A search and replace block has more than two sides."));
    } else if (/^\|{7}/.test(line)) {
      refuse(l10n.t("A conflict with three sides can't be applied."));
    } else {
      hunk?.[side].push(line);
    }
  }
  if (side !== undefined) refuse(l10n.t("The last search and replace block is not complete."));
  for (const each of hunks) {
    each.search = withoutFence(each.search);
    each.replace = withoutFence(each.replace);
  }
  return hunks;
}

/** The same with tags, as some models write it. */
function tagged(block: readonly string[]): Hunk[] | undefined {
  const text = block.join("\n");
  const form =
    /[<[](search|old_str|old|find|original)[>\]]\n?([\s\S]*?)\n?[<[]\/\1[>\]]\s*[<[](replace|new_str|new|replacement|updated)[>\]]\n?([\s\S]*?)\n?[<[]\/\3[>\]]/gi;
  const hunks = [...text.matchAll(form)].map(([, , search = "", , replace = ""]) => ({
    search: search.split("\n"),
    replace: replace === "" ? [] : replace.split("\n"),
  }));
  if (hunks.length === 0) return undefined;
  const rest = text.replaceAll(form, "").replaceAll(/<\/?(?:edit|edits|change|changes|block|diff)[^>]*>|```\w*/gi, "");
  return /\w{3}/.test(rest.replaceAll(/^\s*(?:#|\/\/).*$/gm, "")) ? undefined : hunks;
}

function withoutFence(lines: string[]): string[] {
  const fenced = lines.length >= 2 && /^```/.test(lines[0] ?? "") && /^```\s*$/.test(lines.at(-1) ?? "");
  return fenced ? lines.slice(1, -1) : lines;
}

function applyHunk(
  file: readonly string[],
  { search, replace }: Hunk,
  subject: string,
  comment: RegExp | undefined,
): string[] {
  if (search.every(isBlank)) {
    if (file.every(isBlank)) return replace;
    refuse(l10n.t("{0}The search block is empty: it doesn't say where the code belongs.", subject));
  }
  const isElided = (line: string) =>
    elisionOf(line, () => false) !== undefined && !file.some((known) => known.trim() === line.trim());
  if (search.some(isElided) || replace.some(isElided)) return applyElided(file, search, replace, subject, isElided);
  return applyEdits(file, replaceFound(file, only(file, search, subject, comment), search, replace));
}

function only(file: readonly string[], search: readonly string[], subject: string, comment: RegExp | undefined): Found {
  const trimmed = trimBlank(search);
  const found = locate(file, search, comment);
  const places = found.length > 0 ? found : locate(file, trimmed.lines, comment);
  const [place, ...others] = places;
  if (!place) refuse(l10n.t("{0}The code to be replaced is not in the file: “{1}”.", subject, firstOf(search)));
  if (others.length > 0)
    refuse(
      l10n.t("{0}The code to be replaced is in the file {1} times: “{2}”.", subject, places.length, firstOf(search)),
    );
  if (found.length > 0) return place;
  const before = Array.from({ length: trimmed.before }, () => undefined);
  const after = Array.from({ length: search.length - trimmed.before - trimmed.lines.length }, () => undefined);
  return { ...place, at: [...before, ...place.at, ...after] };
}

function trimBlank(lines: readonly string[]): { lines: readonly string[]; before: number } {
  let before = 0;
  while (before < lines.length && isBlank(lines[before])) before += 1;
  let end = lines.length;
  while (end > before && isBlank(lines[end - 1])) end -= 1;
  return { lines: lines.slice(before, end), before };
}

const firstOf = (lines: readonly string[]) => (lines.find((line) => !isBlank(line)) ?? "").trim().slice(0, 80);

/** Lines that were left out on both sides stay as they are. */
function applyElided(
  file: readonly string[],
  search: readonly string[],
  replace: readonly string[],
  subject: string,
  isElided: (line: string) => boolean,
): string[] {
  const from = split(search, isElided);
  const to = split(replace, isElided);
  if (from.length !== to.length)
    refuse(l10n.t("{0}The search block leaves out other lines than the replacement.", subject));
  const edits: Edit[] = [];
  let after = 0;
  from.forEach((piece, index) => {
    const next = to[index] ?? [];
    if (piece.every(isBlank)) {
      if (!next.every(isBlank))
        refuse(l10n.t("{0}The search block doesn't say where all of the code belongs.", subject));
      return;
    }
    // What stays as it is behind what was left out, is the first of its kind there: most often a bracket.
    const isKept = index > 0 && piece.length === next.length && piece.every((line, at) => line === next[at]);
    const near = isKept ? locate(file, piece, undefined).find(({ start }) => start >= after) : undefined;
    const found = near ?? only(file, piece, subject, undefined);
    if (found.start < after)
      refuse(l10n.t("{0}The lines of the search block are not in this order in the file.", subject));
    after = found.end;
    edits.push(...replaceFound(file, found, piece, next));
  });
  return applyEdits(file, edits);
}

function split(lines: readonly string[], isElided: (line: string) => boolean): string[][] {
  const pieces: string[][] = [[]];
  for (const line of lines) {
    if (isElided(line)) pieces.push([]);
    else pieces.at(-1)?.push(line);
  }
  return pieces.map((piece) => [...trimBlank(piece).lines]);
}
