import type { Cursor } from "../cursor/cursor.js";
import { balanceOf } from "./balance.js";

/**
 * Cuts a suggestion to one line where more would tear the cursor's line apart: where text follows the cursor, unless that
 * closes a bracket which the suggestion's first line leaves open.
 */
export function cutToLine(text: string, { singleLine, lineAfter }: Cursor): string {
  const [first = ""] = text.split("\n", 1);
  if (singleLine) return first;
  if (lineAfter.trim() === "") return text;
  const encloses = /^\s*[)\]}]/.test(lineAfter) && balanceOf(first).missing.length > 0;
  return encloses ? text : first;
}

/** Lines end with a line feed, whatever the model writes; blanks at the end of lines go. */
export const normalizeLines = (text: string): string =>
  text
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(/[ \t]+(?=\n)/g, "")
    .trimEnd();
