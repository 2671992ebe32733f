/** In what a suggestion stands: brackets and a string that are open at the cursor. */
import type { Cursor } from "../cursor/cursor.js";
import { type Balance, balanceOf } from "./balance.js";

/** The balance before the cursor. What is known of a file may begin within a comment or a string of several lines. */
export function balanceBefore({ prefix, suffix, lineBefore }: Cursor): Balance {
  const text = afterTornComment(prefix);
  const balance = balanceOf(text);
  const { quote } = balance;
  if (quote === undefined || !spansLines(quote)) return balance;
  // Where it ends after the cursor, or begins on its line, it is a string. Else it is one that ends here, and all before is turned around.
  if (isOdd(lineBefore, quote) || isOdd(suffix, quote)) return balance;
  return balanceOf(text, quote);
}

/** The quote of a string that is open at the cursor and ends after it; undefined where what follows the cursor is code. */
export function quoteAfter({ lineAfter }: Cursor, quote: string | undefined): string | undefined {
  return quote === undefined || spansLines(quote) || lineAfter.includes(quote) ? quote : undefined;
}

const spansLines = (quote: string) => quote.length === 3 || quote === "`";

const isOdd = (text: string, quote: string) => text.split(quote).length % 2 === 0;

function afterTornComment(text: string): string {
  const end = text.indexOf("*/");
  const start = text.indexOf("/*");
  // "*/" is in patterns of paths, too: there it is not the end of a line.
  return end !== -1 && (start === -1 || end < start) && /^\s*($|\n)/.test(text.slice(end + 2))
    ? text.slice(end + 2)
    : text;
}
