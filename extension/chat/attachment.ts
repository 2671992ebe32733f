import type { Attachment } from "../../webview/messages.js";

/** The part of an editor that is looked at. Lines count from 0. */
export interface Excerpt {
  /** Name of the file, without its folder. */
  name: string;
  /** VS Code's id of its language. */
  language: string;
  lineCount: number;
  line(index: number): string;
  /** First and last line of the selection; absent: nothing is selected. */
  selection?: { first: number; last: number };
}

/**
 * The selected lines, or where nothing is selected the file: of either as many lines from the first on as fit.
 * @param longest in characters
 * @returns undefined when there is nothing but blanks
 */
export function attach(excerpt: Excerpt, longest: number): Attachment | undefined {
  const { name, language, lineCount, selection } = excerpt;
  const { first, last } = selection ?? { first: 0, last: lineCount - 1 };
  const taken: string[] = [];
  let length = 0;
  for (let index = first; index <= last; index++) {
    const line = excerpt.line(index);
    length += line.length + 1;
    if (length > longest) break;
    taken.push(line);
  }
  const text = taken.join("\n").trimEnd();
  if (text.trim() === "") return undefined;
  const isWhole = selection === undefined && taken.length === lineCount;
  const range = taken.length === 1 ? `${first + 1}` : `${first + 1}–${first + taken.length}`;
  return { label: isWhole ? name : `${name} ${range}`, language, text };
}

/** A question with what it is about, as the model reads it. */
export function withAttachment(question: string, attachment: Attachment | undefined): string {
  if (!attachment) return question;
  const { label, language, text } = attachment;
  // Longer than any fence inside, which would end this one.
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${label}:\n\n${fence}${language}\n${text}\n${fence}\n\n${question}`;
}
