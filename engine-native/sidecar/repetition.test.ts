import { expect, test } from "vitest";
import { RepetitionDetector } from "./repetition.js";

/** At which token, from 1, it is noticed; undefined: never. */
function noticedAt(tokens: readonly number[]): number | undefined {
  const detector = new RepetitionDetector();
  const index = tokens.findIndex((token) => detector.push(token));
  return index < 0 ? undefined : index + 1;
}
const repeated = (passage: readonly number[], times: number) => Array.from({ length: times }, () => passage).flat();
const counted = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

test.each([
  ["one token", [7], 320],
  ["a short sentence", [1, 2, 3, 4], 320],
  ["a sentence", counted(40), 320],
  ["a paragraph", counted(100), 500],
  ["the longest passage", counted(256), 5 * 256],
])("%s is noticed when it has come often enough", (_, passage, at) => {
  const before = counted(50, 1000);
  expect(noticedAt([...before, ...repeated(passage, 400)])).toBe(before.length + at);
});

test.each([
  ["a list of 150 zeros", repeated([0, 1], 150)],
  ["a paragraph said four times", repeated(counted(200), 4)],
  ["lines that begin alike", counted(200).flatMap((n) => [1, 2, 3, 4, 5, 6, 7, 10_000 + n])],
  ["numbers that count", counted(3000)],
  [
    "the same with a break",
    [...repeated([1, 2, 3], 100), 9, ...repeated([1, 2, 3], 100), 9, ...repeated([1, 2, 3], 100)],
  ],
  ["a passage that is too long to be looked for", repeated(counted(257), 10)],
  ["nothing", []],
])("%s is no repetition", (_, tokens) => {
  expect(noticedAt(tokens)).toBeUndefined();
});
