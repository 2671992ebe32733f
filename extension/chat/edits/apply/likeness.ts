import { normalised } from "./indentation.js";
import { diffOfLines, pairsOf } from "./lineDiff.js";
import type { Outline, Part } from "./parts.js";

const tokens = (line: string) => line.match(/[\p{L}\p{N}_$]+|[^\s\p{L}\p{N}_$]/gu) ?? [];

/** A bracket or an operator says little: most lines have some. */
const weight = (token: string) => (/[\p{L}\p{N}_$]/u.test(token) ? 1 : 0.25);

/** How alike two lines are, 0 to 1, by the words and signs that both have. */
export function likeness(a: string, b: string): number {
  const left = tokens(a);
  const right = [...tokens(b)];
  const sum = (list: readonly string[]) => list.reduce((total, token) => total + weight(token), 0);
  const all = sum(left) + sum(right);
  if (all === 0) return 1;
  let common = 0;
  for (const token of left) {
    const at = right.indexOf(token);
    if (at < 0) continue;
    right.splice(at, 1);
    common += weight(token);
  }
  return (2 * common) / all;
}

/** Pairs of indices of lines that are equal but for blanks, in order. */
export function equalLines(a: readonly string[], b: readonly string[]): [number, number][] {
  const pairs = pairsOf(diffOfLines(a.map(normalised), b.map(normalised)));
  return pairs.filter(([index]) => normalised(a[index] ?? "") !== "");
}

/** The lines of a part below its first one that have a word in them. */
export const linesInside = ({ lines }: Outline, { header, end }: Part): string[] =>
  lines.slice(header + 1, end).filter((line) => /\w/.test(line));

const significant = (lines: readonly string[]) => lines.map(normalised).filter((line) => line !== "");

/** Whether two parts have the same lines, whatever their blanks. */
export function isEqual(ours: Outline, part: Part, theirs: Outline, other: Part): boolean {
  const left = significant(ours.text(part));
  const right = significant(theirs.text(other));
  return left.length === right.length && left.every((line, index) => line === right[index]);
}

/** Whether lines of the same words are above both. */
export function haveSameLead(ours: Outline, part: Part, theirs: Outline, other: Part): boolean {
  const lead = (outline: Outline, { start, header }: Part) =>
    significant(outline.lines.slice(start, header)).join("\n");
  return /\w/.test(lead(ours, part)) && lead(ours, part) === lead(theirs, other);
}

/** Equal but for comments and decorators above them. */
export function isEqualBelowLead(ours: Outline, part: Part, theirs: Outline, other: Part): boolean {
  return isEqual(ours, { ...part, start: part.header }, theirs, { ...other, start: other.header });
}
