import type { Cursor } from "../cursor/cursor.js";
import { columnsOf, leadingBlanks, opensBlock } from "../cursor/indentation.js";

/**
 * Gives a suggestion the file's own indentation: not twice what stands before the cursor, tabs or spaces as the file has
 * them, and as wide a step.
 */
export function indent(text: string, cursor: Cursor): string {
  const [written = "", ...others] = text.split("\n");
  const first = indentFirst(written, cursor);
  const { lineBefore } = cursor;
  return [
    first,
    ...indentOthers(lineBefore + first, moved(others, lineBefore + written, lineBefore + first, cursor), cursor),
  ].join("\n");
}

/** The cursor's own line: blanks that are there already go, one step more stays where a block was opened. */
function indentFirst(line: string, cursor: Cursor): string {
  const { lineBefore } = cursor;
  const blanks = leadingBlanks(line);
  if (line === blanks) return "";
  if (lineBefore === "") return respell(line, cursor);
  if (lineBefore.trim() !== "") return /[ \t]$/.test(lineBefore) ? line.trimStart() : line;
  const { indentation } = cursor;
  const missing = Math.max(0, expectedColumns(cursor) - columnsOf(lineBefore, indentation));
  // Without any, the model takes what stands there for all of the indentation.
  const takesAll = blanks === "" && !lessDeep.test(line);
  const kept = takesAll ? missing : Math.min(missing, columnsOf(blanks, indentation));
  return spell(kept, indentation) + line.trimStart();
}

/** What stands less deep than its block: brackets and words that close one, labels. */
const lessDeep = /^([)\]}]|(end|else|elif|elsif|except|finally|rescue|ensure|catch|case|default|when)\b|\w+:$)/;

/**
 * How deep the cursor's line would be, in columns: in the block that the line before it opens, or, where its indentation is only
 * half typed, as deep as the line before it. 0 where that is not known: a line that is a level less deep is so on purpose.
 */
function expectedColumns({ prefix, lineBefore, indentation }: Cursor): number {
  const lines = prefix
    .split("\n")
    .slice(0, -1)
    .filter((each) => each.trim() !== "");
  const line = lines.at(-1) ?? "";
  const step = columnsOf(indentation, indentation);
  if (opensBlock(line)) return depthOf(line, indentation) + step;
  const there = depthOf(lineBefore, indentation);
  // The further lines of a comment are deeper by a blank than any code is.
  const isLevel =
    there % step === 0 || lines.some((each) => depthOf(each, indentation) === there && !/^\s*\*/.test(each));
  return isLevel ? 0 : Math.max(depthOf(line, indentation), there + step - (there % step));
}

/** Where the first line was moved, and the model has written the next ones from its place on, so are they. */
function moved(lines: readonly string[], from: string, to: string, { indentation }: Cursor): readonly string[] {
  const [base, by] = [depthOf(from, indentation), depthOf(from, indentation) - depthOf(to, indentation)];
  const next = lines.find((line) => line.trim() !== "");
  if (by === 0 || next === undefined) return lines;
  const fits = opensBlock(from) ? depthOf(next, indentation) > base : depthOf(next, indentation) === base;
  return fits ? shifted(lines, -by, indentation) : lines;
}

/** Where the model has written the first line as deep as the file is, and the block that it opens from the margin on. */
function fromMargin(first: string, lines: readonly string[], { indentation }: Cursor): readonly string[] {
  const written = lines.filter((line) => line.trim() !== "");
  // What closes the block is as deep as what opens it.
  const close = written.find(
    (line, i) =>
      /^\s*([)\]}]|end\b)/.test(line) &&
      written.slice(0, i).every((other) => depthOf(other, indentation) > depthOf(line, indentation)),
  );
  const by = close === undefined ? 0 : depthOf(first, indentation) - depthOf(close, indentation);
  if (by <= 0 || !opensBlock(first)) return lines;
  return shifted(lines, by, indentation);
}

function indentOthers(first: string, written: readonly string[], cursor: Cursor): string[] {
  const { indentation } = cursor;
  const lines = fromMargin(first, written, cursor);
  const wanted = columnsOf(indentation, indentation);
  const base = depthOf(first, indentation);
  const step = stepOf([first, ...lines].map((line) => ({ line, columns: depthOf(line, indentation) }))) ?? wanted;
  return lines.map((line) => {
    if (line.trim() === "") return "";
    const levels = (depthOf(line, indentation) - base) / step;
    // What is between two levels is aligned with something.
    const target = Number.isInteger(levels) ? Math.max(0, base + levels * wanted) : depthOf(line, indentation);
    return spell(target, indentation) + line.trimStart();
  });
}

/** The model's own step, in columns, where it opens a block. */
function stepOf(lines: readonly { line: string; columns: number }[]): number | undefined {
  const written = lines.filter(({ line }) => line.trim() !== "");
  for (const [i, { line, columns }] of written.entries()) {
    const next = written[i + 1];
    if (next && next.columns > columns && opensBlock(line)) return next.columns - columns;
  }
  return undefined;
}

/** A line with the same width of blanks, as the file writes them. */
const respell = (line: string, { indentation }: Cursor): string =>
  spell(depthOf(line, indentation), indentation) + line.trimStart();

/** How deep a line is indented, in columns. */
const depthOf = (line: string, indentation: string): number => columnsOf(leadingBlanks(line), indentation);

/** Lines that are deeper by so many columns. */
const shifted = (lines: readonly string[], by: number, indentation: string): string[] =>
  lines.map((line) => spell(Math.max(0, depthOf(line, indentation) + by), indentation) + line.trimStart());

function spell(columns: number, indentation: string): string {
  if (indentation !== "\t") return " ".repeat(columns);
  return "\t".repeat(Math.floor(columns / 4)) + " ".repeat(columns % 4);
}
