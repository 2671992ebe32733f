/** How a text is indented. */

/** The blanks at the beginning of a line. */
export const leadingBlanks = (line: string): string => /^[ \t]*/.exec(line)?.[0] ?? "";

/** Width of blanks in columns, with tabs as wide as one level. */
export function columnsOf(blanks: string, indentation: string): number {
  const tab = indentation === "\t" ? 4 : indentation.length;
  return [...blanks].reduce((sum, blank) => sum + (blank === "\t" ? tab : 1), 0);
}

/** Whether a line opens a block, which is then indented: by bracket, colon or word. */
export const opensBlock = (line: string): boolean =>
  /([{([:]|=>|->|\b(then|do|else|begin|try|ensure|rescue|repeat))\s*$/.test(line) ||
  /^\s*(def|class|module|if|unless|while|until|case|begin)\b[^:{]*$/.test(line);

/**
 * One level of a text's indentation: a tab, or the most frequent step from a line to one that is deeper, in spaces. Undefined
 * where no line is deeper than the one before.
 */
export function indentationOf(text: string): string | undefined {
  let tabs = 0;
  const steps = new Map<number, number>();
  let before: number | undefined;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const blanks = leadingBlanks(line);
    if (blanks.startsWith("\t")) tabs++;
    const step = blanks.length - (before ?? blanks.length);
    // What is wider is aligned with something, one space continues a comment.
    if (!blanks.includes("\t") && step > 1 && step <= 8) steps.set(step, (steps.get(step) ?? 0) + 1);
    before = blanks.length;
  }
  const [best] = [...steps].sort(([a, countA], [b, countB]) => countB - countA || a - b);
  if (tabs > (best?.[1] ?? 0)) return "\t";
  return best && " ".repeat(best[0]);
}
