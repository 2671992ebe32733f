/** Which line is likely to be changed next, after one was: without a model, so it costs nothing. */
import { likeness, lineEdit, occurrences, replaceAllWords, sameEdit } from "./lineEdit.js";

export interface NextEdit {
  /** Number of the line, from 0. */
  line: number;
  before: string;
  after: string;
}

/** Looked at on both sides of the line that was changed. */
const nearLines = 120;
/** Lines that are so much alike and so near, in lines, are changed alike. */
const alike = 0.75;
const neighbours = 3;

const declares =
  /\b(?:def|class|function|func|fn|fun|const|let|var|val|type|interface|struct|enum|trait|for|lambda|import|as|int|string|bool|float|double|auto|static|public|private)\b/;

/** What is no name of anything that could be renamed. */
const keywords = new Set(
  "true false null undefined None True False nil self this super new return await async if else for while".split(" "),
);
const comment = /^\s*(?:\/\/|\/\*|\*|#(?!\w))/;

/**
 * @param lines of the file as it is now
 * @param line that was changed
 * @param original what it was before
 * @param repeated whether the same change was made elsewhere before
 */
export function nextEdit(
  lines: readonly string[],
  line: number,
  original: string,
  repeated = false,
): NextEdit | undefined {
  const edit = lineEdit(original, lines[line] ?? "");
  if (!edit || edit.new.length > 200) return undefined;
  const isName = /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(edit.old) && /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(edit.new);
  const isGone = occurrences(lines[line] ?? "", edit.old).length === 0;
  const renames = isName && (repeated || (isGone && isDeclared(original, edit.old)));
  // What is told of one line is not true of the next one.
  const tells =
    comment.test(edit.new) || comment.test(original) || keywords.has(edit.old) || isMost(edit.old, original);
  for (const number of outwards(lines.length, line)) {
    const before = lines[number] ?? "";
    if (before.trim() === "" || before === lines[line]) continue;
    // A plain word is one of the language too.
    if (comment.test(before) && !/\p{Ll}\p{Lu}|_|\d/u.test(edit.old)) continue;
    if (renames && occurrences(before, edit.old).length > 0) {
      return { line: number, before, after: replaceAllWords(before, edit) };
    }
    if (tells || (Math.abs(number - line) > neighbours && !repeated)) continue;
    const like = likeness(before, original);
    // One that is more like the new line has been changed already.
    if (like < alike || likeness(before, lines[line] ?? "") > like) continue;
    const after = sameEdit(before, edit);
    if (after !== undefined && after !== before) return { line: number, before, after };
  }
  return undefined;
}

/** A new line, rather than a changed one. */
const isMost = (part: string, line: string) => part.length > line.trim().length / 2;

/** The name after a word that declares, or as a parameter, and not in what is assigned. */
function isDeclared(line: string, name: string): boolean {
  const [at] = occurrences(line, name);
  if (at === undefined || keywords.has(name)) return false;
  const before = line.slice(0, at);
  const parameter = /=\s*(?:async\s*)?\(?[^()=]*$/.test(before) && /^[^()=]*\)?\s*=>/.test(line.slice(at));
  const assigned = /[^=!<>]=(?![=>])|\b(?:of|in|extends|implements|from)\b/.test(before) && !parameter;
  if (declares.test(before) && !assigned && /[\s(,*&{[]$/.test(before)) return true;
  return /^\s*$/.test(before) && /^\s*(?::[^=]*)?=(?!=)/.test(line.slice(at + name.length));
}

/** Line numbers from one on, first down and then up. */
function* outwards(count: number, from: number): Generator<number> {
  for (let line = from + 1; line < Math.min(count, from + nearLines); line++) yield line;
  for (let line = from - 1; line >= Math.max(0, from - nearLines); line--) yield line;
}
