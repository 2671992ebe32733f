import { describe, expect, test } from "vitest";
import { diffOfLines, pairsOf } from "./lineDiff.js";

/** What the changes make of `before`, by taking from `after` only what they say is new. */
function applied(before: readonly string[], after: readonly string[]): string[] {
  const result: string[] = [];
  let [from, to] = [0, 0];
  for (const { added, removed, count } of diffOfLines(before, after)) {
    if (added) result.push(...after.slice(to, to + count));
    else if (!removed) result.push(...before.slice(from, from + count));
    if (!added) from += count;
    if (!removed) to += count;
  }
  expect([from, to]).toEqual([before.length, after.length]);
  return result;
}

const lines = (count: number, make: (index: number) => string) => Array.from({ length: count }, (_, at) => make(at));
const cases: Record<string, [string[], string[]]> = {
  "nothing in common": [lines(900, (at) => `a${at}`), lines(800, (at) => `b${at}`)],
  "nothing but lines that are everywhere": [
    lines(2000, (at) => (at % 2 ? "}" : `a${at}`)),
    lines(1500, (at) => (at % 3 ? "}" : `b${at}`)),
  ],
  "every other line is changed": [
    lines(3000, (at) => `line ${at}`),
    lines(3000, (at) => (at % 2 ? `line ${at}` : `other ${at}`)),
  ],
  "the halves have changed places": [
    lines(2000, (at) => `line ${at}`),
    [...lines(1000, (at) => `line ${at + 1000}`), ...lines(1000, (at) => `line ${at}`)],
  ],
  "no line is there just once": [lines(1200, (at) => `${at % 7}`), lines(1500, (at) => `${(at * at) % 5}`)],
  "one is empty": [[], lines(1000, (at) => `${at}`)],
};

describe("the changes lead from the one to the other", () => {
  test.each(Object.entries(cases))("%s", (_, [before, after]) => {
    expect(applied(before, after)).toEqual(after);
    expect(applied(after, before)).toEqual(before);
  });
});

test("lines that both have are pairs in order", () => {
  const [before, after] = cases["every other line is changed"] ?? [[], []];
  expect(pairsOf(diffOfLines(before, after))).toEqual(lines(1500, String).map((at) => [2 * +at + 1, 2 * +at + 1]));
});

test("of what has changed places, one half is kept", () => {
  const [before, after] = cases["the halves have changed places"] ?? [[], []];
  expect(pairsOf(diffOfLines(before, after))).toHaveLength(1000);
});
