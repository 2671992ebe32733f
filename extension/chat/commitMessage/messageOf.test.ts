import { expect, test } from "vitest";
import { messageOf } from "./messageOf.js";

test.each([
  ["Add a test", "Add a test"],
  ["```\nAdd a test\n\nIt was missing.\n```", "Add a test\n\nIt was missing."],
  ["Here it is:\n\n```text\nAdd a test", "Add a test"],
  ["Commit message:\nAdd a test", "Add a test"],
  ["**Commit message:** Add a test", "Add a test"],
  ['"Add a test"', "Add a test"],
  ['Say "no"', 'Say "no"'],
  ["`", ""],
  ["", ""],
])("%j is %j", (answer, message) => {
  expect(messageOf(answer)).toBe(message);
});
