import * as l10n from "@vscode/l10n";
import { normalised } from "./indentation.js";
import { equalLines, haveSameLead, isEqual, likeness, linesInside } from "./likeness.js";
import type { Outline, Part } from "./parts.js";
import { refuse } from "./refusal.js";

/** What becomes of one part of the file or of the block, in order. */
export type Step =
  /** Both have it. */
  | { kind: "pair"; ours: number; theirs: number }
  /** Only the block has it. */
  | { kind: "new"; theirs: number; at: number }
  /** Only the file has it, and the block leaves nothing out there. */
  | { kind: "gone"; ours: number }
  /** Only the file has it, where the block leaves code out. */
  | { kind: "kept"; ours: number; elision: number }
  | { kind: "elision"; theirs: number; at: number };

const never = Number.NEGATIVE_INFINITY;
const alone = -0.6;
/** More comparisons than this would block the extension host. */
const mostComparisons = 400_000;

/** How well a part of the block could be one of the file, or "never". */
function pairScore(file: Outline, ours: Part, block: Outline, theirs: Part): number {
  if ((ours.kind === "comment") !== (theirs.kind === "comment")) return never;
  if (isEqual(file, ours, block, theirs)) return /\w/.test(file.headerLine(ours)) ? 3 : 1;
  if (ours.kind === "comment") return 0.3;
  if (haveSameName(file, ours, block, theirs)) return 2;
  if (areDistinct(file, ours, block, theirs)) return never;
  return isChanged(file, ours, block, theirs) || haveSameLead(file, ours, block, theirs) ? 1 : never;
}

const control = /^\s*(if|for|foreach|while|switch|match|try|with|unless|until|loop)\b/;

/** Whether two parts name different things: the one is no version of the other. */
function areDistinct(file: Outline, ours: Part, block: Outline, theirs: Part): boolean {
  const [word, other] = [file.headerLine(ours), block.headerLine(theirs)].map((line) => control.exec(line)?.[1]);
  if (word !== other) return true;
  const left = file.keyOf(ours);
  const right = block.keyOf(theirs);
  if (left === undefined || right === undefined || left === right) return false;
  const [a, b] = [left, right].map((key) => /^(?:labels|declares|assigns) (?:type )?(.*)$/.exec(key)?.[1]);
  if (a === undefined || b === undefined || a === b) return false;
  // Of several names that are declared at once, one may be that of the other.
  const isList = [left, right].some((key) => key.startsWith("assigns ")) && /[^\w$.#*& ]/.test(a + b);
  return !isList || !wordsOf(a).some((name) => wordsOf(b).includes(name));
}

const wordsOf = (text: string): readonly string[] => text.match(/[\p{L}\p{N}_$]+/gu) ?? [];

/** Whether a part adds words to another or takes some away, or has most of what is inside: a word in place of another may be another thing. */
function isChanged(file: Outline, ours: Part, block: Outline, theirs: Part): boolean {
  const [left, right] = [file.headerLine(ours), block.headerLine(theirs)];
  if (likeness(left, right) < 0.6) return false;
  // Other numbers are another value of the same.
  if (left.replaceAll(/\b\d[\w.]*/g, "0").trim() === right.replaceAll(/\b\d[\w.]*/g, "0").trim()) return true;
  const [a, b] = [wordsOf(left), wordsOf(right)];
  if (a.length === 0 || b.length === 0) return a.length === b.length;
  if (a.every((word) => b.includes(word)) || b.every((word) => a.includes(word))) return true;
  const [before, after] = [linesInside(file, ours), linesInside(block, theirs)];
  return before.length > 0 && equalLines(before, after).length >= 0.7 * Math.max(before.length, after.length);
}

/**
 * The best way to see the parts of a block as parts of the file, where the block leaves some out.
 * @throws Refusal when there are two equally good ways, or new code could be a changed version of what is left out
 */
export function align(file: Outline, ours: readonly Part[], block: Outline, theirs: readonly Part[]): Step[] {
  if ((ours.length + 1) * (theirs.length + 1) > mostComparisons)
    refuse(l10n.t("The file is too long to find out what is left out."));
  const scores = ours.map((part) =>
    theirs.map((other) => (other.kind === "elision" ? never : pairScore(file, part, block, other))),
  );
  const best = table(ours, theirs, scores);
  const early = walk(ours, theirs, scores, best, true);
  const late = walk(ours, theirs, scores, best, false);
  if (outcome(early) !== outcome(late))
    refuse(l10n.t("The code leaves lines out, and there are two ways to fill them in."));
  check(file, ours, block, theirs, early);
  return early;
}

function table(ours: readonly Part[], theirs: readonly Part[], scores: readonly number[][]): number[][] {
  const best = Array.from({ length: ours.length + 1 }, () => new Array<number>(theirs.length + 1).fill(0));
  const at = (i: number, j: number) => best[i]?.[j] ?? never;
  for (let i = ours.length; i >= 0; i--) {
    for (let j = theirs.length; j >= 0; j--) {
      if (i === ours.length && j === theirs.length) continue;
      const isElision = theirs[j]?.kind === "elision";
      const options = [
        i < ours.length ? at(i + 1, j) + (isElision ? 0 : alone) : never,
        j < theirs.length ? at(i, j + 1) + (isElision ? 0 : alone) : never,
        i < ours.length && j < theirs.length && !isElision ? at(i + 1, j + 1) + (scores[i]?.[j] ?? never) : never,
      ];
      const row = best[i];
      if (row) row[j] = Math.max(...options);
    }
  }
  return best;
}

function walk(
  ours: readonly Part[],
  theirs: readonly Part[],
  scores: readonly number[][],
  best: readonly number[][],
  early: boolean,
): Step[] {
  const steps: Step[] = [];
  let i = 0;
  let j = 0;
  const at = (a: number, b: number) => best[a]?.[b] ?? never;
  const close = (value: number) => Math.abs(value - at(i, j)) < 1e-9;
  while (i < ours.length || j < theirs.length) {
    const isElision = theirs[j]?.kind === "elision";
    const pair = () => {
      if (i >= ours.length || j >= theirs.length || isElision || !close(at(i + 1, j + 1) + (scores[i]?.[j] ?? never)))
        return false;
      steps.push({ kind: "pair", ours: i++, theirs: j++ });
      return true;
    };
    const skip = () => {
      if (i >= ours.length || !close(at(i + 1, j) + (isElision ? 0 : alone))) return false;
      steps.push(isElision ? { kind: "kept", ours: i++, elision: j } : { kind: "gone", ours: i++ });
      return true;
    };
    const take = () => {
      if (j >= theirs.length || !close(at(i, j + 1) + (isElision ? 0 : alone))) return false;
      steps.push(isElision ? { kind: "elision", theirs: j++, at: i } : { kind: "new", theirs: j++, at: i });
      return true;
    };
    const order = early ? [pair, take, skip] : [skip, take, pair];
    if (!order.some((attempt) => attempt())) throw new Error("The table of the alignment is not consistent.");
  }
  return steps;
}

/** What decides the text that comes of it: the order in which "new" and "gone" are told does not. */
function outcome(steps: readonly Step[]): string {
  const pairs = steps.flatMap((step) => (step.kind === "pair" ? [`${step.theirs}=${step.ours}`] : []));
  const kept = steps.flatMap((step) => (step.kind === "kept" ? [`k${step.ours}`] : []));
  const gone = steps.flatMap((step) => (step.kind === "gone" ? [`g${step.ours}`] : []));
  return [...pairs, ...kept, ...gone].join();
}

function check(
  file: Outline,
  ours: readonly Part[],
  block: Outline,
  theirs: readonly Part[],
  steps: readonly Step[],
): void {
  const words = (part: Part | undefined, outline: Outline) =>
    part ? outline.headerLine(part).trim().slice(0, 60) : "";
  const refuseUnclear = (other: Part) =>
    refuse(l10n.t("This line could be new, or a changed version of one that is left out: “{0}”.", words(other, block)));
  steps.forEach((step, index) => {
    if (step.kind !== "new") return;
    const around = neighbours(steps, index);
    if (around.elisions === 2)
      refuse(
        l10n.t(
          "The code omits lines, and it is not clear where among them this line belongs: “{0}”.",
          words(theirs[step.theirs], block),
        ),
      );
    const other = theirs[step.theirs];
    if (!other) return;
    for (const { ours: kept, isNext } of around.kept) {
      const part = ours[kept];
      if (!part || part.kind === "comment" || other.kind === "comment") continue;
      const isInside = isNext && isIn(file, part, block, other);
      if (areDistinct(file, part, block, other) && !isInside) continue;
      const alike = likeness(file.headText(part), block.headText(other));
      const sameKey = file.keyOf(part) !== undefined && file.keyOf(part) === block.keyOf(other);
      const nearlySame = isInside || (isNext && haveNearNames(file.headerLine(part), block.headerLine(other)));
      if ((alike >= (isNext ? 0.35 : 0.5) && /\w/.test(file.headerLine(part))) || sameKey || nearlySame)
        refuseUnclear(other);
    }
  });
  steps.forEach((step, index) => {
    if (step.kind !== "pair") return;
    const [part, other] = [ours[step.ours], theirs[step.theirs]];
    if (!part || !other || part.kind === "comment" || isEqual(file, part, block, other)) return;
    const isBeside = [steps[index - 1], steps[index + 1]].some(
      (each) => each?.kind === "elision" || each?.kind === "kept",
    );
    if (!isBeside) return;
    const isSame = haveSameName(file, part, block, other);
    if (isUnlikeInside(file, part, block, other) || (!isSame && isBesideGone(ours, steps, index))) refuseUnclear(other);
  });
  const gone = steps
    .flatMap((step) => (step.kind === "gone" ? [ours[step.ours]] : []))
    .filter((part) => part && part.kind !== "comment");
  const first = steps.findIndex((step) => step.kind === "pair");
  const last = steps.findLastIndex((step) => step.kind === "pair");
  const outside = steps.some((step, index) => {
    const isCode = step.kind === "gone" && ours[step.ours]?.kind !== "comment";
    return isCode && (index < first || index > last);
  });
  // All that the file has is left out at once: what is new is clearly above or below it.
  const runs = steps.filter((step) => step.kind === "elision").length;
  if (outside || (first < 0 && (runs !== 1 || gone.length > 0)))
    refuse(l10n.t("The code leaves lines out without a mark for them."));
  if (gone.length > Math.max(2, ours.length / 3))
    refuse(l10n.t("The code leaves many lines out without a mark for them."));
}

/** A call of `add` and one of `addAll`. */
function haveNearNames(left: string, right: string): boolean {
  const [a, b] = [left, right].map((line) => /^\s*(?:await\s+)?([\w$.]{4,})\(/.exec(line)?.[1]);
  return a !== undefined && b !== undefined && a !== b && (a.startsWith(b) || b.startsWith(a));
}

/** Whether a part is another with line breaks, or stands inside of it: in a loop that is new, say. */
function isIn(file: Outline, ours: Part, block: Outline, theirs: Part): boolean {
  const squeezed = (lines: readonly string[]) => lines.join("").replaceAll(/[\s,()]/g, "");
  if (squeezed(file.text(ours)) === squeezed(block.text(theirs))) return true;
  const header = file.headerLine(ours);
  if (/^\s*(?:[)\]}]|(?:break|continue|pass|return)\b)/.test(header)) return false;
  return block.lines.slice(theirs.header + 1, theirs.end).some((line) => likeness(header, line) >= 0.75);
}

/** Whether two parts begin with a word that says nothing about them, and have little else in common. */
function isUnlikeInside(file: Outline, ours: Part, block: Outline, theirs: Part): boolean {
  if (!/^\s*(?:try|do|begin|loop)\s*[:{]?\s*$/.test(file.headerLine(ours))) return false;
  const [before, after] = [linesInside(file, ours), linesInside(block, theirs)];
  return equalLines(before, after).length * 2 < Math.max(before.length, after.length);
}

/** Whether two parts declare or assign the same, or begin with the same line. */
function haveSameName(file: Outline, ours: Part, block: Outline, theirs: Part): boolean {
  const key = file.keyOf(ours);
  if (key !== undefined && key === block.keyOf(theirs)) return true;
  return normalised(file.headerLine(ours)) === normalised(block.headerLine(theirs));
}

/** Whether code is gone beside a step, before the next part that both have: the block's part could be new instead. */
function isBesideGone(ours: readonly Part[], steps: readonly Step[], index: number): boolean {
  return [-1, 1].some((direction) => {
    for (let at = index + direction; ; at += direction) {
      const next = steps[at];
      if (next?.kind === "gone" && ours[next.ours]?.kind !== "comment") return true;
      if (next?.kind !== "new" && next?.kind !== "gone") return false;
    }
  });
}

/** How many elisions border the run of new parts at `index`, and what of the file they stand for. */
function neighbours(
  steps: readonly Step[],
  index: number,
): { elisions: number; kept: { ours: number; isNext: boolean }[] } {
  const kept: { ours: number; isNext: boolean }[] = [];
  let elisions = 0;
  for (const direction of [-1, 1]) {
    let at = index + direction;
    while (steps[at]?.kind === "new" || steps[at]?.kind === "gone") at += direction;
    const step = steps[at];
    if (step?.kind !== "elision" && step?.kind !== "kept") continue;
    elisions += 1;
    const before = kept.length;
    for (; ; at += direction) {
      const next = steps[at];
      if (next?.kind === "kept") kept.push({ ours: next.ours, isNext: kept.length === before });
      else if (next?.kind !== "elision") break;
    }
  }
  return { elisions, kept };
}
