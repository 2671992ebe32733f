import * as fc from "fast-check";
import { expect, test } from "vitest";
import { GrowingMarkdown } from "./growingMarkdown.js";
import { parseBlocks } from "./markdown.js";

/** Adds text in pieces of `size` characters. */
function grown(text: string, size: number): GrowingMarkdown {
  const markdown = new GrowingMarkdown();
  for (let at = 0; at < text.length; at += size) {
    markdown.add(text.slice(at, at + size));
    while (markdown.isBehind) markdown.step();
  }
  markdown.end();
  return markdown;
}

const whole = (text: string) =>
  parseBlocks(text, {}).map(({ block }) => (block.kind === "code" ? { ...block, closed: true } : block));

const texts = {
  "lists whose items are far apart": "1. a\n\n2. b\n\n   more\n\n3. c\n\n- d\n\n- e\n",
  "code between text": "Look:\n\n```ts src/a.ts\nlet a;\n\n```js\n``\nb\n```\n\nMore.\n~~~\nx\n~~~",
  "a fence that is indented": "  ```\n  a\n    b\n c\n  ```\nend",
  "a fence without an end": "a\n```py\nprint(1)\nif x:\n",
  "a table": "| a | b |\n|---|--:|\n| 1 | 2 |\n\nend",
  "headings with a line below": "Title\n=====\n\ntext\n---\nmore",
  "code by indentation": "a\n\n    b\n\n    c\n\nd",
};

test.each(Object.entries(texts))("%s: growing gives what all at once gives", (_, text) => {
  for (const size of [1, 2, 7]) expect(grown(text, size).blocks).toEqual(whole(text));
});

test("whatever comes is parsed without an error, and none of the words gets lost", () => {
  const piece = fc.constantFrom(
    "word ",
    "\n",
    "\n\n",
    "- ",
    "1. ",
    // With a line's end: of code within a list or a quotation the first word of its info string is shown only.
    "```\n",
    "~~~\n",
    "`",
    "|",
    "> ",
    "    ",
    "**",
    "[a](b)",
    "# ",
    "\\(",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (pieces, size) => {
      const { blocks } = grown(pieces.join(""), size);
      const shown = blocks
        .map((block) => (block.kind === "code" ? `${block.info} ${block.code}` : block.html))
        .join("");
      const count = (text: string) => text.split("word").length;
      expect(count(shown)).toBe(count(pieces.join("")));
    }),
  );
});

test("what is finished is not touched again", () => {
  const markdown = new GrowingMarkdown();
  markdown.add("one\n\ntwo\n\nthree\n\nfour");
  markdown.step();
  const [first] = markdown.blocks;
  markdown.add("\n\nfive");
  expect(markdown.step()).toBe(2);
  expect(markdown.blocks[0]).toBe(first);
});

test("a list that never ends is ended at an item, so that each step has a bound", () => {
  const { blocks } = grown("- a\n".repeat(5000), 100);
  expect(blocks.length).toBeGreaterThan(3);
  const sizes = blocks.map((block) => (block.kind === "html" ? block.html.length : 0));
  expect(Math.max(...sizes)).toBeLessThan(40_000);
  expect(blocks.every((block) => block.kind === "html" && block.html.startsWith("<ul>"))).toBe(true);
});
