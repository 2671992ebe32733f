/**
 * Blanks before a cursor belong to the token of the word that follows: with them a model goes on as it never does. They are not
 * given to it, and it says them again.
 */

/** The blanks at the end of a text. */
const trailingBlanks = (text: string): string => /[ \t]*$/.exec(text)?.[0] ?? "";

/** A text without the blanks at its end. */
export const withoutTrailingBlanks = (text: string): string => text.slice(0, text.length - trailingBlanks(text).length);

/**
 * Takes what a model says piece by piece, and leaves out the blanks that it says again.
 * @param before the text before the cursor
 */
export function afterBlanks(before: string): (piece: string) => string {
  let left = trailingBlanks(before).length;
  return (piece) => {
    const blanks = Math.min(left, /^[ \t]*/.exec(piece)?.[0].length ?? 0);
    left = blanks < piece.length ? 0 : left - blanks;
    return piece.slice(blanks);
  };
}
