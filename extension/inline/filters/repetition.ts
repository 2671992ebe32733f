import type { Cursor } from "../cursor/cursor.js";

/** Removes what says again what was written: the line before the cursor, the lines before that, the next line, itself. */
export function removeRepetition(text: string, cursor: Cursor): string {
  const own = cutLoop(cutLoopInLine(removeEcho(text, cursor)));
  if (own.trim() === "" || repeatsNext(own, cursor) || repeatsPrevious(own, cursor)) return "";
  return own;
}

/** Models begin anew with the line or the word that they are to go on with. */
function removeEcho(text: string, { lineBefore }: Cursor): string {
  const line = lineBefore.trimStart();
  if (line.trim().length >= 3 && text.trimStart().startsWith(line)) return text.trimStart().slice(line.length);
  const [word = ""] = /[\p{L}\p{N}\p{Pc}$]+$/u.exec(lineBefore) ?? [];
  // "an" may go on with "anas".
  return word.length >= 3 && text.startsWith(word) ? text.slice(word.length) : text;
}

/** Cuts where the third of three equal lines, or blocks of up to four lines, begins. */
function cutLoop(text: string): string {
  const lines = text.split("\n");
  for (let size = 1; size <= 4; size++) {
    for (let start = 0; start + 2 * size < lines.length; start++) {
      const block = (i: number) =>
        lines
          .slice(start + i * size, start + (i + 1) * size)
          .join("\n")
          .trim();
      if (hasWords(block(0)) && block(0) === block(1) && block(1).startsWith(block(2))) {
        return lines.slice(0, start + size).join("\n");
      }
    }
  }
  return text;
}

/** A piece of a line with a word in it, again and again: a model that has lost its way. Rows of numbers are short pieces. */
const loopInLine = /(?=.{0,7}\p{L})(.{8,80}?)\1{3}/u;
/** In which a loop would have shown long before. */
const longestLook = 1000;

/** Ends before a line that says the same over and over. */
function cutLoopInLine(text: string): string {
  const lines = text.split("\n");
  const loop = lines.findIndex((line) => loopInLine.test(line.slice(0, longestLook)));
  return loop === -1 ? text : lines.slice(0, loop).join("\n");
}

function repeatsNext(text: string, { suffix, lineAfter }: Cursor): boolean {
  const next = suffix.trimStart();
  const said = text.trim();
  if (next.startsWith(said)) return true;
  const [first = ""] = text.trimStart().split("\n", 1);
  const [line = ""] = next.split("\n", 1);
  return lineAfter.trim() === "" && hasWords(line) && first.trim() === line.trim();
}

/** As many lines as the suggestion has stand before it already. */
function repeatsPrevious(text: string, { prefix, lineBefore }: Cursor): boolean {
  if (lineBefore.trim() !== "" && !text.startsWith("\n")) return false;
  const said = text.split("\n").map(trim).filter(Boolean);
  const written = prefix.split("\n").map(trim).filter(Boolean);
  const before = written.slice(-said.length);
  return before.length === said.length && said.some(hasWords) && said.every((line, i) => line === before[i]);
}

/** Brackets and the words that end a block come again and again. */
const hasWords = (text: string) =>
  /[\p{L}\p{N}]/u.test(text) && !/^(end|fi|done|else|pass|break|esac)\b\W*$/.test(text.trim());
const trim = (line: string) => line.trim();
