/** The text around a cursor, as suggestions need it. */
import { indentationOf } from "./indentation.js";

/** How many lines are looked at: the model's context cuts them further, by tokens. */
const prefixLines = 256;
const suffixLines = 64;
/**
 * The first line moves on by so many lines at once, so that the beginning of a prompt stays the same, and with it what the
 * model has read of it.
 */
const prefixStep = 64;
/** Of one side, in characters: a minified file is one line of megabytes. */
const longestPrefix = 32_000;
const longestSuffix = 8000;

export interface Cursor {
  /** Text before the cursor, from the beginning of a line as a rule. Lines end with a line feed, whatever the file has. */
  prefix: string;
  /** Text after the cursor, likewise. */
  suffix: string;
  /** Of the cursor's line. */
  lineBefore: string;
  lineAfter: string;
  /** Whether a suggestion must end with the line: text follows the cursor on it. */
  singleLine: boolean;
  /** How the file ends its lines. */
  lineEnd: "\n" | "\r\n";
  /** One level of the file's indentation: a tab, or spaces. */
  indentation: string;
}

/** What an editor knows of a file. */
export interface FileFormat {
  lineEnd?: Cursor["lineEnd"];
  /** Used where the text does not show it. */
  indentation?: string;
}

/** Letters, digits, combining marks and connectors of any script. */
const wordAtStart = /^[\p{L}\p{N}\p{M}\p{Pc}]/u;

/** The cursor at `offset` of a text; undefined where a suggestion would only be in the way. */
export function cursorAt(text: string, offset: number, format: FileFormat = {}): Cursor | undefined {
  const [rest = ""] = text.slice(offset, offset + longestSuffix).split(/\r?\n/, 1);
  // Inside a word the editor's own completions serve better.
  if (wordAtStart.test(rest)) return undefined;
  const prefix = prefixAt(text, offset);
  if (prefix.trim() === "") return undefined;
  const after = text.slice(offset, offset + longestSuffix).replaceAll("\r\n", "\n");
  return {
    prefix,
    suffix: after.split("\n").slice(0, suffixLines).join("\n"),
    lineBefore: prefix.slice(prefix.lastIndexOf("\n") + 1),
    lineAfter: rest,
    // Closing brackets and such may follow what is inserted; anything more makes it an insertion within the line.
    singleLine: /[^\s)\]}>;,:"'`]/.test(rest),
    lineEnd: format.lineEnd ?? (/\r\n/.test(text.slice(Math.max(0, offset - 1000), offset + 1000)) ? "\r\n" : "\n"),
    // As if something stood on the cursor's line.
    indentation: indentationOf(`${prefix}.\n${after}`) ?? format.indentation ?? "    ",
  };
}

function prefixAt(text: string, offset: number): string {
  const before = text.slice(Math.max(0, offset - longestPrefix), offset).replaceAll("\r\n", "\n");
  const lines = before.split("\n");
  // Of the whole file, so that the first line depends on the cursor's line alone.
  const line = countLines(text, offset);
  const wanted = prefixLines - prefixStep + (line % prefixStep);
  return lines.slice(Math.max(0, lines.length - wanted)).join("\n");
}

function countLines(text: string, end: number): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
