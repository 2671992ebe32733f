/** From what a model wrote to what is worth suggesting: each filter removes one kind of fault. */
import type { Cursor } from "../cursor/cursor.js";
import { indent } from "./blanks.js";
import { endAtBlock } from "./blockEnd.js";
import { balanceBrackets } from "./brackets.js";
import { cutAtMarks, cutHalfWords } from "./ending.js";
import { cutToLine, normalizeLines } from "./lines.js";
import { removeOverlap } from "./overlap.js";
import { removeRepetition } from "./repetition.js";
import { hasSecret } from "./secrets.js";
import { cutToSyntax, type SyntaxErrors } from "./syntax.js";

export interface Written {
  text: string;
  /** Whether the model, or its reader, ended it where it is complete: else its last word may be half a word. */
  ended: boolean;
}

/**
 * What of the model's text is worth suggesting, with the file's line ends; undefined when nothing is.
 * @param errorsWith where a parser of the file's language is at hand
 */
export function suggestionOf({ text, ended }: Written, cursor: Cursor, errorsWith?: SyntaxErrors): string | undefined {
  const whole = cutHalfWords(cutAtMarks(text.replaceAll(/\r\n?/g, "\n")), ended);
  const filters = [cutToLine, indent, endAtBlock, removeOverlap, balanceBrackets, removeRepetition];
  const said = filters.reduce((rest, filter) => normalizeLines(filter(rest, cursor)), normalizeLines(whole));
  const filtered = errorsWith ? cutToSyntax(said, errorsWith) : said;
  if (filtered.trim() === "") return undefined;
  // It may have it from a file that is not meant to be shown here.
  if (hasSecret(filtered) && !cursor.prefix.includes(filtered.trim())) return undefined;
  return filtered.replaceAll("\n", cursor.lineEnd);
}
