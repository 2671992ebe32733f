import fc from "fast-check";
import { expect, test } from "vitest";
import { ThoughtTags } from "./thoughtTags.js";

/** All of an answer that comes in these pieces, told apart. */
function told(pieces: readonly string[]) {
  const tags = new ThoughtTags();
  const all = pieces.map((piece) => tags.push(piece));
  return {
    thought: all.map(({ thought }) => thought).join(""),
    text: all.map(({ text }) => text).join("") + tags.end(),
    isOpen: tags.isOpen,
  };
}

test.each([
  ["an answer without a thought", "Just so.", "", "Just so."],
  ["a thought and an answer", "<think>\nHm. 1 < 2.\n</think>\n\nYes: `a < b`.", "\nHm. 1 < 2.\n", "Yes: `a < b`."],
  ["blanks before the thought", "\n <think>Hm</think>Yes", "Hm", "Yes"],
  ["an empty thought", "<think></think>\n\nYes", "", "Yes"],
  ["a tag in the midst of an answer", "Write <think> or </think>.", "", "Write <think> or </think>."],
  ["what only begins as a tag", "<thing>", "", "<thing>"],
  ["a tag that is not complete", "  <thi", "", "  <thi"],
  ["what looks like the end of a thought", "<think>a </thin b</think>c", "a </thin b", "c"],
])("%s", (_, all, thought, text) => {
  expect(told([all])).toMatchObject({ thought, text });
  expect(told([...all])).toMatchObject({ thought, text });
});

test("a thought that has not ended is open, and all of it is thought", () => {
  expect(told(["<think>", "Hm, let me", " see"])).toEqual({ thought: "Hm, let me see", text: "", isOpen: true });
});

test("it does not matter how an answer is cut into pieces", () => {
  const piece = fc.constantFrom("<think>", "</think>", "<", "/think>", "think", "\n", " ", "a");
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const { thought, text } = told(pieces);
      expect(told([pieces.join("")])).toMatchObject({ thought, text });
    }),
  );
});
