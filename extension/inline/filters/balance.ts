/** Brackets and quotes of a piece of code, without knowing its language. */

const closing = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);
const closers = new Set(closing.values());
const quotes = new Set(['"', "'", "`"]);

export interface Balance {
  /** Closing brackets whose opening ones are not in the code, with their places. */
  closers: { bracket: string; index: number }[];
  /** Closing brackets that the code lacks, in the order in which they would have to come. */
  missing: string[];
  /** Place of each bracket that is open at the end, the outermost first. */
  openAt: number[];
  /** The quote of a string that is open at the end. */
  quote: string | undefined;
}

/**
 * Reads code from its beginning. Brackets in strings and comments are not counted.
 * @param quote of a string that is open at the beginning
 */
export function balanceOf(code: string, quote?: string): Balance {
  const found: Balance = { closers: [], missing: [], openAt: [], quote: undefined };
  let index = 0;
  if (quote !== undefined) {
    const end = endOfString(code, 0, quote);
    if (end === undefined) return { ...found, quote };
    index = end;
  }
  while (index < code.length) {
    const char = code[index] ?? "";
    const comment = commentAt(code, index);
    if (comment !== undefined) {
      index = comment;
      continue;
    }
    if (quotes.has(char) && !isApostrophe(code, index)) {
      const triple = char.repeat(3);
      const mark = code.startsWith(triple, index) ? triple : char;
      const end = endOfString(code, index + mark.length, mark);
      if (end !== undefined) {
        index = end;
        continue;
      }
      // A quote without an end on its line is no quote (an apostrophe, a lifetime), unless the code ends there.
      if (mark.length === 3 || mark === "`" || !code.includes("\n", index)) return { ...found, quote: mark };
    }
    step(found, char, index);
    index++;
  }
  return found;
}

function step(found: Balance, char: string, index: number): void {
  const close = closing.get(char);
  if (close !== undefined) {
    found.missing.unshift(close);
    found.openAt.push(index);
  } else if (closers.has(char)) {
    if (found.missing[0] === char) {
      found.missing.shift();
      found.openAt.pop();
    } else found.closers.push({ bracket: char, index });
  }
}

/** Where a comment that begins at `index` ends; undefined where none begins. */
function commentAt(code: string, index: number): number | undefined {
  const lineEnd = () => {
    const end = code.indexOf("\n", index);
    return end === -1 ? code.length : end;
  };
  if (code.startsWith("/*", index)) {
    const end = code.indexOf("*/", index + 2);
    return end === -1 ? code.length : end + 2;
  }
  // Not the slashes of an address.
  if (code.startsWith("//", index) && code[index - 1] !== ":") return lineEnd();
  const hash = code[index] === "#" && /^#(\s|!|$)/.test(code.slice(index, index + 2));
  return hash && /(^|\s)$/.test(code.slice(Math.max(0, index - 1), index)) ? lineEnd() : undefined;
}

/** Past the end of a string; undefined where it has none, on its line or for longer marks in the code. */
function endOfString(code: string, start: number, mark: string): number | undefined {
  for (let index = start; index < code.length; index++) {
    if (code[index] === "\\") index++;
    else if (code.startsWith(mark, index)) return index + mark.length;
    else if (code[index] === "\n" && mark.length === 1 && mark !== "`") return undefined;
  }
  return undefined;
}

const stringPrefix = /(^|[^\p{L}\p{N}])[bfru]{1,2}$/iu;

/** In a word, or before the name of a lifetime. */
const isApostrophe = (code: string, index: number) =>
  code[index] === "'" &&
  /\p{L}/u.test(code[index + 1] ?? "") &&
  !stringPrefix.test(code.slice(Math.max(0, index - 3), index)) &&
  /[\p{L}\p{N}<&]/u.test(code[index - 1] ?? "") &&
  !/^'\p{L}'/u.test(code.slice(index, index + 3));
