import { expect, test } from "vitest";
import { fitting, splitHalfWord } from "./halfWord.js";

test.each([
  ["cons", "", "cons"],
  ["return cons", "return", " cons"],
  ["  cons", " ", " cons"],
  ["a.b", "a", ".b"],
  ["f(x", "f", "(x"],
  ["user_na", "user", "_na"],
  ["\n\tfoo", "\n", "\tfoo"],
  ["\nfoo", "\n", "foo"],
  ["x1", "x1", ""],
  ["a = ", "a = ", ""],
  ["", "", ""],
  ["größ", "größ", ""],
  ["при", "при", ""],
  [`a ${"b".repeat(30)}`, `a ${"b".repeat(30)}`, ""],
])("%j is split into %j and the word that has begun, %j", (text, before, begun) => {
  expect(splitHalfWord(text)).toEqual({ before, begun });
});

test("tokens fit that a word begins with, or that begin with it", () => {
  const vocabulary = ["", "c", "con", "console", "const", "Ġcon", "o", "t"];
  expect([...fitting(vocabulary, "con")].map((token) => vocabulary[token])).toEqual(["c", "con", "console", "const"]);
});
