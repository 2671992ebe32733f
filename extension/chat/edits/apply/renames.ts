import { normalised } from "./indentation.js";
import { oncePer } from "./oncePer.js";
import type { Outline, Part } from "./parts.js";

/** Matches a name wherever it is a word of its own. */
export const wholeName = (name: string): RegExp =>
  new RegExp(`(?<![\\w$])${name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\w$])`, "g");

/** What the parts declare. */
export const namesIn = oncePer(
  (parts: readonly Part[]): ReadonlySet<string | undefined> =>
    new Set(parts.map(({ declaration }) => declaration?.name)),
);

/** Stands for the part's own name: no text file has it. */
const own = "\0";

interface Lines {
  /** How many lines of each part have a word in them, below the first. */
  counts: readonly number[];
  /** Which parts have a line, by the line. */
  parts: ReadonlyMap<string, readonly number[]>;
}

/**
 * Those of the file's parts that have most of their lines below the first in common with a part of the block, whatever
 * the names of both: to compare each with each would take minutes where a block has thousands of new functions.
 */
export function withLinesOf(file: Outline, ours: readonly Part[], block: Outline, other: Part): Part[] {
  const index = indexOf(ours, file);
  const name = other.declaration?.name ?? "";
  const lines = inside(block, other);
  const common = new Map<number, number>();
  for (const line of lines) {
    const named = line.replaceAll(wholeName(name), own);
    const found = new Set(index.parts.get(line));
    if (named !== line) for (const at of index.parts.get(named) ?? []) found.add(at);
    for (const at of found) common.set(at, (common.get(at) ?? 0) + 1);
  }
  return [...common]
    .filter(([at, count]) => count >= 0.6 * Math.max(index.counts[at] ?? 0, lines.length))
    .sort(([a], [b]) => a - b)
    .flatMap(([at]) => ours[at] ?? []);
}

const indexOf = oncePer((ours: readonly Part[], file: Outline): Lines => {
  const parts = new Map<string, number[]>();
  const counts = ours.map((part, at) => {
    const name = part.declaration?.name;
    if (name === undefined) return 0;
    const lines = inside(file, part).map((line) => line.replaceAll(wholeName(name), own));
    for (const line of new Set(lines)) {
      const known = parts.get(line);
      if (known) known.push(at);
      else parts.set(line, [at]);
    }
    return lines.length;
  });
  return { counts, parts };
});

const inside = ({ lines }: Outline, { header, end }: Part): string[] =>
  lines
    .slice(header, end)
    .map(normalised)
    .filter(Boolean)
    .slice(1)
    .filter((line) => /\w/.test(line));
