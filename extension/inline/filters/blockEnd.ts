import type { Cursor } from "../cursor/cursor.js";
import { columnsOf, leadingBlanks } from "../cursor/indentation.js";

/** What closes a block, and may stand on the level of the line that opened it. */
const closes = /^([)\]}>]|<\/|(end|fi|done|esac|endif|endfor|endwhile|endfunction)\b)/;
/** What goes on with a block's statement after one of its parts. */
const goesOn = /^([)\]}]*\s*)?(else|elif|elsif|elseif|except|catch|finally|rescue|ensure|case|default|when|while)\b/;

/**
 * Cuts a suggestion where the block that it belongs to ends: at a line that is less indented than the cursor's, after the block
 * that its own first line opened, and at an empty line.
 */
export function endAtBlock(text: string, cursor: Cursor): string {
  const lines = text.split("\n");
  const end = blockEnd(lines, cursor);
  return end === undefined ? text : lines.slice(0, end).join("\n").trimEnd();
}

/** The number of lines that belong to the block; undefined while it may go on. */
export function blockEnd(lines: readonly string[], { lineBefore, indentation }: Cursor): number | undefined {
  const columns = (line: string) => columnsOf(leadingBlanks(line), indentation);
  const start = lines.findIndex((line) => line.trim() !== "");
  if (start === -1) return undefined;
  const first = start === 0 ? lineBefore + (lines[0] ?? "") : (lines[start] ?? "");
  const base = columns(first);
  let deeper = false;
  for (let i = start + 1; i < lines.length; i++) {
    const line = lines[i] ?? "";
    // The last line may only have begun.
    if (line.trim() === "" && i < lines.length - 1) return i;
    if (line.trim() === "") continue;
    const depth = columns(line);
    if (depth > base) {
      deeper = true;
    } else if (depth < base) {
      return closes.test(line.trim()) ? i + 1 : i;
    } else if (deeper && !goesOn.test(line.trim())) {
      return closes.test(line.trim()) ? i + 1 : i;
    }
  }
  return undefined;
}
