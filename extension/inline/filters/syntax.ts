import { balanceOf } from "./balance.js";

/** How many places of a file are wrong with this text at the cursor, by a parser of its language. */
export type SyntaxErrors = (inserted: string) => number;

/**
 * Cuts a suggestion of several lines that breaks the syntax of its file to the most lines that do not. What it leaves open may
 * still be closed: the model was stopped in the middle of a block.
 */
export function cutToSyntax(text: string, errorsWith: SyntaxErrors): string {
  const lines = text.split("\n");
  if (lines.length < 2) return text;
  const before = errorsWith("");
  const isRight = (part: string) => {
    const { missing } = balanceOf(part);
    return errorsWith(part) <= before || (missing.length > 0 && errorsWith(`${part}\n${missing.join("")}`) <= before);
  };
  for (let count = lines.length; count > 1; count--) {
    const part = lines.slice(0, count).join("\n").trimEnd();
    if (isRight(part)) return part;
  }
  return lines[0] ?? "";
}
