import * as l10n from "@vscode/l10n";
import { indentOf, isBlank, normalised } from "./indentation.js";
import { equalLines } from "./likeness.js";
import { changesOf } from "./lineDiff.js";
import type { Outline, Part } from "./parts.js";
import { refuse } from "./refusal.js";

/**
 * A last look at what was filled in for the lines that a block leaves out.
 * @throws Refusal where a mark among statements stands for nothing
 */
export function refuseMisfilled(block: Outline, after: readonly string[]): void {
  const placed = new Map(equalLines(block.lines, after).map(([index, at]) => [index, at]));
  for (const { header } of marksAmongStatements(block, block.roots)) {
    const above = block.lines.slice(0, header).findLastIndex((line) => !isBlank(line));
    const below = block.lines.findIndex((line, index) => index > header && !isBlank(line));
    const [from, to] = [placed.get(above), placed.get(below)];
    if (from === undefined || to === undefined || !after.slice(from + 1, to).every(isBlank)) continue;
    const words = (block.lines[header] ?? "").trim().slice(0, 60);
    refuse(l10n.t("The code leaves lines out, and which is not clear: “{0}”.", words));
  }
}

/** @throws Refusal where something is found in what comes of it that neither the file nor the block has */
function refuseNew(
  before: readonly string[],
  block: readonly string[],
  after: readonly string[],
  find: (lines: readonly string[]) => ReadonlySet<string>,
): void {
  const known = new Set([...find(before), ...find(block)]);
  if ([...find(after)].some((each) => !known.has(each)))
    refuse(l10n.t("The code leaves lines out, and there are two ways to fill them in."));
}

/** So far from each other, in lines of code, two equal lines are no coincidence. */
const near = 12;

/** @throws Refusal where a line is shown as new that is also among those close by that are left out */
export function refuseShownTwice(before: readonly string[], block: readonly string[], after: readonly string[]): void {
  refuseNew(before, block, after, twiceIn);
}

/** Lines that come again soon, each with how often so far. */
function twiceIn(lines: readonly string[]): Set<string> {
  const times = new Map<string, number>();
  const found = new Set<string>();
  const last = new Map<string, number>();
  const words = (line: string) =>
    normalised(line)
      .replace(/^el(?:se )?(?=if\b)/, "")
      .replaceAll("'", '"');
  for (const [index, line] of lines.map(words).filter(Boolean).entries()) {
    if (!isTelling([line], 20)) continue;
    if (index - (last.get(line) ?? Number.NEGATIVE_INFINITY) <= near) {
      times.set(line, (times.get(line) ?? 0) + 1);
      found.add(`${times.get(line)} ${line}`);
    }
    last.set(line, index);
  }
  return found;
}

/** What nothing comes after in its block, unless that has a label; and what comes after it nevertheless. */
const leaves = /^\s*(?:return|raise|throw)\b(?!.*\b(?:if|unless)\b)/;
const comesAfter =
  /^\s*(?:[)\]}]|case\b|default\b|else\b|elif\b|except\b|finally\b|end\b|when\b|rescue\b|ensure\b|\/\/|#|\/?\*|(?!try\b)\w+:(?!:)|@|function\b|(?:async )?def\b|class\b)/;

/** @throws Refusal where lines that are left out end in what leaves the function, and the block goes on after it */
export function refuseUnreachable(before: readonly string[], block: readonly string[], after: readonly string[]): void {
  refuseNew(before, block, after, unreachableIn);
}

function unreachableIn(lines: readonly string[]): Set<string> {
  const code = lines.filter((line) => !isBlank(line));
  const found = new Set<string>();
  for (const [index, line] of code.entries()) {
    const next = code[index + 1];
    if (next === undefined || !leaves.test(line) || comesAfter.test(next)) continue;
    if (indentOf(line) !== "" && indentOf(next) === indentOf(line))
      found.add(`${normalised(line)}\n${normalised(next)}`);
  }
  return found;
}

/** More lines than these do not go without anything in their place, where a block leaves lines out. */
const mostGone = 4;

/** @throws Refusal where much of the file goes without a word, though the block has a mark for what it leaves out */
export function refuseLoss(before: readonly string[], after: readonly string[]): void {
  const code = (lines: readonly string[], indices: readonly number[]) =>
    indices.filter((index) => /\w/.test(lines[index] ?? "")).length;
  for (const { removed, added } of changesOf(before, after))
    if (code(before, removed) - code(after, added) > mostGone)
      refuse(l10n.t("The code leaves many lines out without a mark for them."));
}

/** @throws Refusal where lines follow each other twice now, and neither the file nor the block has them so */
export function refuseRepetition(before: readonly string[], block: readonly string[], after: readonly string[]): void {
  refuseNew(before, block, after, repeatedIn);
}

/** Of a class, there may be no other members than those shown. */
function* marksAmongStatements(block: Outline, parts: readonly Part[], depth = 0): Generator<Part> {
  for (const part of parts) {
    if (part.end <= part.header + 1 || depth > 12) continue;
    const children = block.children(part);
    if (part.declaration?.holds !== "members") yield* children.filter(({ elision }) => elision === "certain");
    yield* marksAmongStatements(block, children, depth + 1);
  }
}

/** So many lines, at most, are looked for twice. */
const longestRun = 40;

/** Runs of lines that are followed by the very same ones, blank lines aside. */
function repeatedIn(lines: readonly string[]): Set<string> {
  const code = lines.map(normalised).filter(Boolean);
  const found = new Set<string>();
  for (let length = 1; length <= longestRun; length++) {
    for (let at = 0; at + 2 * length <= code.length; at++) {
      if (code[at] !== code[at + length]) continue;
      const run = code.slice(at, at + length);
      if (isTelling(run) && run.every((line, index) => line === code[at + length + index])) found.add(run.join("\n"));
    }
  }
  return found;
}

const isTelling = (run: readonly string[], letters = 8) => (run.join("").match(/\w/g) ?? []).length >= letters;
