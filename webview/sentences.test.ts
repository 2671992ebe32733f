import { expect, test } from "vitest";
import { Sentences } from "./sentences.js";

/** What is said when text comes in pieces of some characters. */
function said(text: string, size: number): string[] {
  const sentences = new Sentences();
  const all: string[] = [];
  for (let at = 0; at < text.length; at += size) all.push(...sentences.add(text.slice(at, at + size)));
  return [...all, ...sentences.end()];
}

const text =
  "# Title\n\nHello **you**. See [this](https://a.b) now!\nMore\n\n- one\n- `two`\n\n```js\nlet a;\nlet b;\n```\n\n| a | b |\nEnd";

test.each([1, 5, 1000])("sentences in pieces of %i characters", (size) => {
  expect(said(text, size)).toEqual([
    "Title",
    "Hello you.",
    "See this now!",
    "More",
    "one",
    "two",
    "Code, 2 lines.",
    ", a, b, End",
  ]);
});

test("text without an end is told in pieces", () => {
  expect(said("word ".repeat(300), 10).every((sentence) => sentence.length <= 410)).toBe(true);
});
