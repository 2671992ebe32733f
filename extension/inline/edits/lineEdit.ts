/** What was changed in a line, and the same change in another line. */

/** One place of a line: `old` became `new`, both grown to whole words. */
export interface LineEdit {
  old: string;
  new: string;
  /** Up to the next blank, what stands before and after it. */
  left: string;
  right: string;
}

const word = /[\p{L}\p{N}\p{M}\p{Pc}$]/u;
const isWord = (char: string | undefined) => char !== undefined && word.test(char);

/** Undefined where nothing was changed, or all of it. */
export function lineEdit(before: string, after: string): LineEdit | undefined {
  if (before === after || before.trim() === "" || after.trim() === "") return undefined;
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end++;
  // Half a word is no name: it grows to the whole one, on both sides.
  const inWord = (line: string) => isWord(line[start - 1]) && (isWord(line[start]) || line.length - end > start);
  while (
    start > 0 &&
    isWord(before[start - 1]) &&
    (inWord(before) || inWord(after)) &&
    touchesWord(before, after, start, end)
  )
    start--;
  while (end > 0 && isWord(before[before.length - end]) && touchesWordEnd(before, after, start, end)) end--;
  const [old, changed] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  const left = /\S*\s?$/.exec(before.slice(0, start))?.[0] ?? "";
  const right = /^\s?\S*/.exec(before.slice(before.length - end))?.[0] ?? "";
  return before.trim() === old.trim() ? undefined : { old, new: changed, left, right };
}

/** Whether what was changed begins with a letter, in either line: then it goes on with the word before it. */
const touchesWord = (before: string, after: string, start: number, end: number) =>
  isWord(before.slice(start, before.length - end)[0]) || isWord(after.slice(start, after.length - end)[0]);

const touchesWordEnd = (before: string, after: string, start: number, end: number) =>
  isWord(before.slice(start, before.length - end).at(-1)) || isWord(after.slice(start, after.length - end).at(-1));

/** Places of a word in a line, not within longer words. */
export function occurrences(line: string, name: string): number[] {
  const places: number[] = [];
  if (name === "") return places;
  for (let at = line.indexOf(name); at !== -1; at = line.indexOf(name, at + 1)) {
    const within = (isWord(name[0]) && isWord(line[at - 1])) || (isWord(name.at(-1)) && isWord(line[at + name.length]));
    if (!within) places.push(at);
  }
  return places;
}

/** Replaces every occurrence of the old word. */
export function replaceAllWords(line: string, { old, new: changed }: LineEdit): string {
  let result = line;
  for (const at of occurrences(line, old).toReversed()) {
    result = result.slice(0, at) + changed + result.slice(at + old.length);
  }
  return result;
}

/** The same change in a line that is much like the one that was changed; undefined where its place is not clear. */
export function sameEdit(line: string, { old, new: changed, left, right }: LineEdit): string | undefined {
  if (old !== "" && /[\p{L}\p{N}]/u.test(old)) {
    const places = occurrences(line, old);
    const [at] = places;
    if (at === undefined || places.length !== 1) return undefined;
    return line.slice(0, at) + changed + line.slice(at + old.length);
  }
  // By what surrounds it, less and less of it.
  for (let cut = 0; cut < left.length; cut++) {
    if (isWord(left[cut - 1]) && isWord(left[cut])) continue;
    const around = left.slice(cut) + old + right;
    const at = line.indexOf(around);
    if (at === -1 || !/[\p{L}\p{N}_]{2}/u.test(around)) continue;
    if (line.includes(around, at + 1)) return undefined;
    const place = at + left.length - cut;
    return line.slice(0, place) + changed + line.slice(place + old.length);
  }
  return undefined;
}

/** How much of their words two lines share, 0 to 1. */
export function likeness(a: string, b: string): number {
  const [wordsA, wordsB] = [wordsOf(a), wordsOf(b)];
  if (wordsA.length === 0 || wordsB.length === 0) return 0;
  const left = [...wordsB];
  let shared = 0;
  for (const each of wordsA) {
    const at = left.indexOf(each);
    if (at === -1) continue;
    left.splice(at, 1);
    shared++;
  }
  return (2 * shared) / (wordsA.length + wordsB.length);
}

const wordsOf = (line: string) => line.match(/[\p{L}\p{N}_$]+|[^\s\p{L}\p{N}]/gu) ?? [];
