import { expect, test } from "vitest";
import { spread } from "./statistics.js";

test.each([
  [[3], { median: 3, min: 3, max: 3 }],
  [[10, 9, 100], { median: 10, min: 9, max: 100 }],
  [[4, 1, 3, 2], { median: 2.5, min: 1, max: 4 }],
  [[], undefined],
])("of %j", (values, expected) => {
  expect(spread(values)).toEqual(expected);
});
