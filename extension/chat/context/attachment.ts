import * as l10n from "@vscode/l10n";
import type { Attachment } from "../../../webview/messages.js";

/** The part of an editor that is looked at. Lines count from 0. */
export interface Excerpt {
  /** Name of the file, without its folder. */
  name: string;
  /** From the workspace folder; absent where it is in none. */
  path?: string | undefined;
  /** VS Code's id of its language. */
  language: string;
  lineCount: number;
  line(index: number): string;
  /** First and last line of the selection; absent: nothing is selected. */
  selection?: { first: number; last: number };
}

/** In characters, to the end of a line: more than any context holds, little enough to be kept and shown. */
const longestAttachment = 2_000_000;

/** What an excerpt would be attached as: "main.ts 12–40"; undefined when there is nothing but blanks. */
export function attachmentLabel(excerpt: Excerpt): string | undefined {
  const { name, selection } = excerpt;
  const { first, last } = linesOf(excerpt);
  for (let index = first; index <= last; index++) {
    if (excerpt.line(index).trim() !== "") return selection ? withLines(name, first, last) : name;
  }
  return undefined;
}

/**
 * The selected lines, or where nothing is selected the file; of very long ones the first. Its tokens are not counted yet.
 * @returns undefined when there is nothing but blanks
 */
export function attach(excerpt: Excerpt): Attachment | undefined {
  const label = attachmentLabel(excerpt);
  if (label === undefined) return undefined;
  const { name, path, language } = excerpt;
  const { first, last } = linesOf(excerpt);
  const lines: string[] = [];
  let length = 0;
  let next = first;
  for (; next <= last && length <= longestAttachment; next++) {
    const line = excerpt.line(next);
    lines.push(line);
    length += line.length + 1;
  }
  const about = {
    ...{ label, name, firstLine: first + 1, language, text: lines.join("\n").trimEnd() },
    ...(path !== undefined && { path }),
  };
  if (next > last) return about;
  return {
    ...about,
    label: withLines(name, first, next - 1),
    lastLine: last + 1,
    omitted:
      next === last
        ? l10n.t("The text is too long to be attached whole: line {0} is left out.", next + 1)
        : l10n.t("The text is too long to be attached whole: lines {0} to {1} are left out.", next + 1, last + 1),
  };
}

const linesOf = ({ selection, lineCount }: Excerpt) => selection ?? { first: 0, last: lineCount - 1 };

/** @param first and `last` from 0 */
function withLines(name: string, first: number, last: number): string {
  return first === last ? `${name} ${first + 1}` : `${name} ${first + 1}–${last + 1}`;
}

/**
 * Counts the tokens of attachments, and cuts those that together are more than `maximumTokens`: the first come first, each
 * with as many whole lines as fit. What was counted before stays as it is.
 * @param count how many tokens the model makes of a text
 */
export async function fitAttachments(
  attachments: readonly Attachment[],
  maximumTokens: number,
  count: (text: string) => Promise<number>,
): Promise<Attachment[]> {
  let left = maximumTokens - attachments.reduce((sum, { tokens = 0 }) => sum + tokens, 0);
  const fitted: Attachment[] = [];
  for (const attachment of attachments) {
    const one = attachment.tokens === undefined ? await fit(attachment, left, count) : attachment;
    if (one !== attachment) left -= one.tokens ?? 0;
    fitted.push(one);
  }
  return fitted;
}

async function fit(
  attachment: Attachment,
  maximumTokens: number,
  count: (text: string) => Promise<number>,
): Promise<Attachment> {
  const { name, firstLine, lastLine, text } = attachment;
  const lines = text.split("\n");
  const fits = async (part: string) => (await count(part)) <= maximumTokens;
  const head = (lineCount: number) => lines.slice(0, lineCount).join("\n").trimEnd();
  const lineCount = await largest(lines.length, (length) => fits(head(length)));
  if (lineCount === lines.length) return { ...attachment, tokens: await count(text) };
  const last = lastLine ?? firstLine + lines.length - 1;
  if (lineCount > 0) {
    const cut = head(lineCount);
    const from = firstLine + lineCount;
    return {
      ...attachment,
      label: withLines(name, firstLine - 1, from - 2),
      text: cut,
      tokens: await count(cut),
      omitted:
        from === last
          ? l10n.t("Only half of the context is for attachments: line {0} is left out.", from)
          : l10n.t("Only half of the context is for attachments: lines {0} to {1} are left out.", from, last),
    };
  }
  // A line that is too long by itself, as of a minified file.
  const [line = ""] = lines;
  // Not between the two halves of a character.
  const begin = (length: number) => line.slice(0, length).replace(/[\uD800-\uDBFF]$/, "");
  const cut = begin(await largest(line.length, (length) => fits(begin(length))));
  return {
    ...attachment,
    label: withLines(name, firstLine - 1, firstLine - 1),
    text: cut,
    tokens: await count(cut),
    omitted: l10n.t(
      "Only half of the context is for attachments: line {0} is cut, and what follows it is left out.",
      firstLine,
    ),
  };
}

/** The largest of 0 to `count` that `fits`; what is larger than one that doesn't is not tried. Small ones are tried first. */
async function largest(count: number, fits: (length: number) => Promise<boolean>): Promise<number> {
  let low = 0;
  let high = Math.min(1, count);
  while (await fits(high)) {
    if (high === count) return count;
    low = high;
    high = Math.min(2 * high, count);
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}
