/** How much text around the cursor is sent, in lines: enough to be of use, little enough to be read in time. */
const prefixLines = 64;
const suffixLines = 16;
/** Of one line, in characters: a minified file is one line of megabytes. */
const longestSide = 8000;

/** What the model is asked to complete. */
export interface InlineContext {
  prefix: string;
  suffix: string;
  /** Whether a suggestion must end with the line: text follows the cursor on it. */
  singleLine: boolean;
}

/** The text around the cursor at `offset`; undefined where a suggestion would only be in the way. */
export function inlineContext(text: string, offset: number): InlineContext | undefined {
  const before = text.slice(Math.max(0, offset - longestSide), offset);
  const after = text.slice(offset, offset + longestSide);
  const rest = /^[^\r\n]*/.exec(after)?.[0] ?? "";
  // Inside a word the editor's own completions serve better.
  if (/^\w/.test(rest) || before.trim() === "") return undefined;
  return {
    prefix: before.split("\n").slice(-prefixLines).join("\n"),
    suffix: after.split("\n").slice(0, suffixLines).join("\n"),
    // Closing brackets and such may follow what is inserted; anything more makes it an insertion within the line.
    singleLine: /[^\s)\]}>;,:"'`]/.test(rest),
  };
}

/** What of the model's text is worth suggesting; undefined when nothing is. */
export function suggestion(text: string, { suffix, singleLine }: InlineContext): string | undefined {
  const [line = ""] = text.split(/\r?\n/, 1);
  const shown = (singleLine ? line : text).trimEnd();
  if (shown.trim() === "" || suffix.trimStart().startsWith(shown.trim())) return undefined;
  return shown;
}
