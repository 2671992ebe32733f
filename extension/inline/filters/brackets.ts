import type { Cursor } from "../cursor/cursor.js";
import { type Balance, balanceOf } from "./balance.js";
import { balanceBefore, quoteAfter } from "./state.js";

/**
 * Cuts a suggestion where it closes a bracket or a quote that is closed after the cursor already: editors close them by
 * themselves as they are opened.
 */
export function balanceBrackets(text: string, cursor: Cursor): string {
  const before = balanceBefore(cursor);
  const unquoted = cutAtQuote(text, cursor, before.quote);
  const { closers } = balanceOf(unquoted, before.quote);
  let allowed = closersWanted(cursor, before);
  for (const { bracket, index } of closers) {
    // One that closes nothing is as wrong as one too many.
    if (allowed[0] !== bracket) return unquoted.slice(0, index);
    allowed = allowed.slice(1);
  }
  return unquoted;
}

function cutAtQuote(text: string, { lineAfter }: Cursor, quote: string | undefined): string {
  if (quote === undefined) return text;
  // Does the string end after the cursor?
  if (balanceOf(lineAfter, quote).quote !== undefined || !lineAfter.includes(quote)) return text;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text.startsWith(quote, index)) return text.slice(0, index);
  }
  return text;
}

/** The closing brackets that the text before the cursor lacks and the text after it does not have, innermost first. */
function closersWanted(cursor: Cursor, before: Balance): string[] {
  const { lineBefore, lineAfter, suffix } = cursor;
  const quote = quoteAfter(cursor, before.quote);
  const closed = balanceOf(suffix, quote).closers.map(({ bracket }) => bracket);
  const { missing } = before;
  const wanted = missing.slice(0, lackedBy(closed, missing));
  const onLine = balanceOf(lineAfter, quote).closers.length;
  if (onLine === 0) return wanted;
  const opened = balanceOf(lineBefore).missing.length;
  return wanted.slice(0, Math.max(0, opened - onLine));
}

/**
 * How many of the missing brackets, the innermost first, the text after the cursor does not close. It may end before it has closed
 * them all, and close some that were opened before what is known of the file.
 */
function lackedBy(closed: readonly string[], missing: readonly string[]): number {
  const fits = (lacked: number) => missing.slice(lacked).every((bracket, i) => (closed[i] ?? bracket) === bracket);
  const whole = missing.length - closed.length;
  if (whole >= 0 && fits(whole)) return whole;
  for (let lacked = 0; lacked < missing.length; lacked++) if (fits(lacked)) return lacked;
  return missing.length;
}
