import { expect, test } from "vitest";
import { Acceptance } from "./acceptance.js";

const file = "a.ts";
const offered = (offset: number, ...texts: string[]) => ({ file, offset, texts });
const insert = (offset: number, text: string) => ({ file, offset, length: 0, text });

test("words and lines that are accepted count as one suggestion, with all their characters", () => {
  const acceptance = new Acceptance();
  expect(acceptance.offer(offered(10, "one two\nthree"))).toBe(true);
  expect(acceptance.changed(insert(10, "one"))).toEqual({ characters: 3, first: true });
  // VS Code asks for what is left.
  expect(acceptance.offer(offered(13, " two\nthree"))).toBe(false);
  expect(acceptance.changed(insert(13, " two"))).toEqual({ characters: 4, first: false });
  expect(acceptance.offer(offered(17, "\nthree\nfour"))).toBe(false);
  expect(acceptance.changed(insert(17, "\nthree\nfour"))).toBeUndefined();
  expect(acceptance.all(11)).toEqual({ characters: 11, first: false });
});

test("the replaced text may begin before the cursor", () => {
  const acceptance = new Acceptance();
  acceptance.offer(offered(10, "cd ef"));
  expect(acceptance.changed({ file, offset: 8, length: 2, text: "abcd" })).toEqual({ characters: 2, first: true });
});

test.each(["f", "()", "\n    ", "\r\n\t", "👋"])(
  "%j is typed along: the suggestion stays, nothing is accepted",
  (typed) => {
    const acceptance = new Acceptance();
    acceptance.offer(offered(10, `${typed}rest`));
    expect(acceptance.changed(insert(10, typed))).toBeUndefined();
    expect(acceptance.offer(offered(10 + typed.length, "rest"))).toBe(false);
    expect(acceptance.changed(insert(10 + typed.length, "re"))).toEqual({ characters: 2, first: true });
  },
);

test("another suggestion for the same place may be the one", () => {
  const acceptance = new Acceptance();
  acceptance.offer(offered(10, "one()", "two()"));
  expect(acceptance.changed(insert(10, "two"))).toEqual({ characters: 3, first: true });
});

test("other changes accept nothing", () => {
  const acceptance = new Acceptance();
  for (const change of [
    insert(10, "two"),
    insert(3, "one"),
    insert(12, "one"),
    { ...insert(10, "one"), file: "b.ts" },
  ]) {
    expect(acceptance.offer(offered(10, "one two"))).toBe(true);
    expect(acceptance.changed(change)).toBeUndefined();
  }
  expect(acceptance.changed(insert(10, "one"))).toBeUndefined();
});
