import type { Edit } from "./edit.js";
import { mergeImports } from "./imports.js";
import { isPython } from "./language.js";
import { isEqual } from "./likeness.js";
import { assignedTo } from "./names.js";
import type { Outline, Part } from "./parts.js";
import { blankLines } from "./replacePart.js";
import type { Sides } from "./sides.js";

/**
 * New constants of a Python file, beside those that the block shows with them, or else below those that the file begins
 * with. The block has nothing else but imports.
 * @returns undefined where that leaves any doubt
 */
export function insertedConstants({ file, block }: Sides): Edit[] | undefined {
  if (!isPython(file.language)) return undefined;
  const theirs = block.roots.filter(({ kind }) => kind !== "import");
  if (theirs.length === 0 || !theirs.every((part) => constantOf(block, part) !== undefined)) return undefined;
  const places = theirs.map((other) => file.roots.findIndex((part) => isEqual(file, part, block, other)));
  const added = theirs.filter((_, index) => places[index] === -1);
  const known = places.filter((place) => place >= 0);
  const names = added.map((part) => constantOf(block, part) ?? "");
  if (added.length === 0 || new Set(names).size < names.length || names.some((name) => isUsed(file, name)))
    return undefined;
  // What is shown of the file follows each other there, each once.
  if (known.some((place, index) => place !== (known[0] ?? 0) + index)) return undefined;
  if (known.some((place) => timesOf(file, constantOf(file, file.roots[place] as Part) ?? "") !== 1)) return undefined;
  const edits = mergeImports(file, block, block.roots);
  const top = known.length === 0 ? lastConstant(file) : undefined;
  if (known.length === 0 && top === undefined) return undefined;
  for (const [index, other] of theirs.entries()) {
    if (places[index] !== -1) continue;
    const before = top ?? places.slice(0, index).findLast((place) => place >= 0);
    const at = before ?? (places.find((place) => place >= 0) ?? 0) - 1;
    const beside = file.roots[before ?? at + 1];
    if (!beside || needsLater(file, block, other, at + 1)) return undefined;
    const lines = [...block.text(other)];
    // The first of those below a shown one is as far from it as in the block.
    const gap = blankLines(top === undefined ? other.blanks : 0);
    edits.push(
      before === undefined
        ? { start: beside.start, end: beside.start, lines: [...lines, ...blankLines(theirs[index + 1]?.blanks ?? 0)] }
        : { start: beside.end, end: beside.end, lines: [...gap, ...lines] },
    );
  }
  return edits;
}

/** `MAX_SIZE = 3`, at the file's own level: by its name, it is set nowhere else. */
export function constantOf(outline: Outline, part: Part): string | undefined {
  const name = part.kind === "statement" ? assignedTo(outline.headerLine(part)) : undefined;
  return name !== undefined && /^_{0,2}[A-Z][A-Z\d_]*$/.test(name) && /^[A-Z_]/.test(outline.headerLine(part))
    ? name
    : undefined;
}

const wordsOf = (lines: readonly string[]) => new Set(lines.join("\n").match(/[\p{L}_][\p{L}\p{N}_]*/gu));

/** A name that the file has already, for whatever. */
const isUsed = (file: Outline, name: string) => wordsOf(file.lines).has(name);

/** How many lines of the file set a constant. */
const timesOf = (file: Outline, name: string) => file.lines.filter((line) => assignedTo(line) === name).length;

/** Index of the last of the constants that are beside each other above all functions and classes. */
function lastConstant(file: Outline): number | undefined {
  const first = file.roots.findIndex(({ kind }) => kind === "declaration");
  const isConstant = (part: Part) => constantOf(file, part) !== undefined;
  const last = file.roots.slice(0, Math.max(first, 0)).findLastIndex(isConstant);
  if (last < 0) return undefined;
  const above = file.roots.slice(0, last).findLastIndex((part) => !isConstant(part));
  return file.roots.slice(0, Math.max(above, 0)).some(isConstant) ? undefined : last;
}

/** What a constant is made of has to be there before it. */
function needsLater(file: Outline, block: Outline, other: Part, from: number): boolean {
  const words = wordsOf(block.lines.slice(other.header, other.end));
  return file.roots.slice(from).some((part) => {
    const name = part.declaration?.name ?? (part.kind === "statement" ? assignedTo(file.headerLine(part)) : undefined);
    return name !== undefined && words.has(name);
  });
}
