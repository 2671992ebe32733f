import type { Cursor } from "../cursor/cursor.js";
import { balanceOf } from "./balance.js";
import { balanceBefore } from "./state.js";

/** Removes from the end of a suggestion what follows the cursor already, on its line or on the next ones. */
export function removeOverlap(text: string, cursor: Cursor): string {
  return removeNextLines(removeRestOfLine(text, cursor), cursor);
}

function removeRestOfLine(text: string, cursor: Cursor): string {
  const rest = cursor.lineAfter.trim();
  if (rest === "") return text;
  const { quote } = balanceBefore(cursor);
  if (rest.startsWith(";")) {
    const end = statementEnd(text, quote);
    if (end !== undefined) return text.slice(0, end);
  }
  for (let length = rest.length; length > 0; length--) {
    const overlap = rest.slice(0, length);
    if (!text.endsWith(overlap)) continue;
    // A part of what follows may be there by chance: only marks are taken for it. Brackets alone are another filter's.
    if (length < rest.length && /[\p{L}\p{N}]/u.test(overlap)) continue;
    if (/^[)\]}\s]*$/.test(overlap)) continue;
    const head = text.slice(0, -length);
    // What closes a bracket of the suggestion itself belongs to it.
    if (balanceOf(head, quote).missing.length <= balanceOf(text, quote).missing.length) return head.trimEnd();
  }
  return text;
}

/** Where a statement ends with a semicolon that is in no bracket and no string. */
function statementEnd(text: string, quote: string | undefined): number | undefined {
  for (let at = text.indexOf(";"); at !== -1; at = text.indexOf(";", at + 1)) {
    const before = balanceOf(text.slice(0, at), quote);
    if (before.missing.length === 0 && before.quote === undefined) return at;
  }
  return undefined;
}

function removeNextLines(text: string, { suffix }: Cursor): string {
  const next = suffix.split("\n").slice(1).map(trim).filter(Boolean);
  if (next.length === 0) return text;
  const lines = text.split("\n");
  for (let start = 1; start < lines.length; start++) {
    const tail = lines.slice(start).map(trim).filter(Boolean);
    const [head] = tail;
    if (head === undefined || head !== next[0]) continue;
    const repeats = tail.every((line, i) => i >= next.length || line === next[i]);
    if (!repeats && !/[\p{L}\p{N}]{3}/u.test(head)) continue;
    const kept = lines.slice(0, start).join("\n");
    const isClosing = /^[)\]}]/.test(head);
    if (isClosing && balanceOf(kept).missing.length > balanceOf(text).missing.length) continue;
    return kept.trimEnd();
  }
  return text;
}

const trim = (line: string) => line.trim();
