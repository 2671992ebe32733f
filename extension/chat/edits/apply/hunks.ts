import * as l10n from "@vscode/l10n";
import { isBlank } from "./indentation.js";
import { pathIn } from "./paths.js";
import { refuse } from "./refusal.js";

/** One line of a hunk: of both files, of the old one, or of the new one. */
export interface HunkLine {
  sign: " " | "-" | "+";
  text: string;
}

export interface Hunk {
  lines: HunkLine[];
  /** Number of the first line in the old file from 1, as the header says; often wrong. */
  line?: number | undefined;
  /** The lines around it that the header names, outermost first. */
  headings: string[];
  /** What the diff says about the end of the file. */
  endsWithNewline?: boolean | undefined;
}

export interface FileDiff {
  oldPath?: string | undefined;
  newPath?: string | undefined;
  isDeletion?: boolean;
  hunks: Hunk[];
}

const hunkHeader = /^@@+(?:\s*-(\d+)(?:,\d+)?\s+\+\d+(?:,\d+)?\s*@@+)?\s*(.*?)\s*(?:@@)?\s*$/;

/**
 * Takes a diff apart as models write it: with wrong numbers or none, without blanks before what is unchanged, in the
 * form of `diff -u`, of git, or of "*** Begin Patch".
 */
export function parseDiff(block: readonly string[]): FileDiff[] {
  const files: FileDiff[] = [];
  let file: FileDiff | undefined;
  let hunk: Hunk | undefined;
  const opened = (more: Partial<FileDiff>): FileDiff => {
    const made = { hunks: [], ...more };
    files.push(made);
    return made;
  };
  const fileOf = () => {
    file ??= opened({});
    return file;
  };
  const begin = (more: Partial<FileDiff>) => {
    hunk = undefined;
    file = opened(more);
  };
  const hunkOf = () => {
    if (!hunk) {
      hunk = { lines: [], headings: [] };
      fileOf().hunks.push(hunk);
    }
    return hunk;
  };
  block.forEach((line, index) => {
    const next = block[index + 1] ?? "";
    const patch = /^\*\*\* (Update|Add|Delete) File: (.*)$/.exec(line);
    if (/^\*\*\* (?:Begin|End) (?:Patch|of File)/i.test(line)) hunk = undefined;
    else if (patch) begin({ newPath: patch[2], isDeletion: patch[1] === "Delete" });
    else if (/^\*\*\* Move to:/.test(line)) refuse(l10n.t("The change renames the file."));
    else if (/^diff --git /.test(line)) begin({});
    else if (/^(?:index [\da-f]+\.\.|new file mode|old mode|new mode|similarity index|Index: |={20,}$)/.test(line))
      hunk = undefined;
    else if (/^(?:rename (?:from|to) |deleted file mode|Binary files )/.test(line)) {
      fileOf().isDeletion = /^deleted/.test(line);
      if (!/^deleted/.test(line)) refuse(l10n.t("The change renames the file, or is not one of text."));
    } else if (/^--- \S/.test(line) && /^\+\+\+ \S/.test(next)) {
      if (!file || file.hunks.length > 0 || file.oldPath !== undefined) begin({});
      fileOf().oldPath = line.slice(4);
      hunk = undefined;
    } else if (/^\+\+\+ \S/.test(line) && /^--- \S/.test(block[index - 1] ?? "")) {
      fileOf().newPath = line.slice(4);
    } else if (line.startsWith("@@")) {
      hunk = startHunk(line, hunk, fileOf());
    } else if (line.startsWith("\\ ")) {
      noNewline(hunkOf());
    } else {
      hunkOf().lines.push(hunkLine(line));
    }
  });
  for (const each of files)
    each.hunks = each.hunks.map(tidy).filter(({ lines }) => lines.some(({ sign }) => sign !== " "));
  return files;
}

function startHunk(line: string, before: Hunk | undefined, file: FileDiff): Hunk {
  const [, number, heading = ""] = hunkHeader.exec(line) ?? [];
  // Several headers one below the other say where, from the outside in.
  const headings = before && before.lines.length === 0 ? before.headings : [];
  if (before && before.lines.length === 0) file.hunks.pop();
  const hunk: Hunk = { lines: [], headings: [...headings], line: number === undefined ? undefined : Number(number) };
  if (/[\p{L}\p{N}]/u.test(heading) && !/^[-+\d,\s.@]*$/.test(heading) && !/^\.\.\.$/.test(heading))
    hunk.headings.push(heading.trim());
  file.hunks.push(hunk);
  return hunk;
}

function noNewline(hunk: Hunk): void {
  const sign = hunk.lines.at(-1)?.sign;
  // Behind what goes it says that the new file has one; behind the rest, that it has none.
  hunk.endsWithNewline = sign === "-";
}

function hunkLine(line: string): HunkLine {
  const [sign] = line;
  if (sign === "+" || sign === "-") return { sign, text: line.slice(1) };
  // A model forgets the blank before what is unchanged: matching without indentation finds that all the same.
  return { sign: " ", text: sign === " " ? line.slice(1) : line };
}

/** Without the blank lines around it that are between hunks, and without a path on a line of its own. */
function tidy(hunk: Hunk): Hunk {
  const lines = [...hunk.lines];
  const isEmpty = (line: HunkLine | undefined) => line !== undefined && line.sign === " " && isBlank(line.text);
  while (isEmpty(lines[0])) lines.shift();
  while (isEmpty(lines.at(-1))) lines.pop();
  const [first] = lines;
  if (first?.sign === " " && pathIn(first.text) !== undefined) lines.shift();
  return { ...hunk, lines };
}
