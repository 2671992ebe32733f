import { expect, test } from "vitest";
import { waitText } from "./wait.js";

test.each([
  [undefined, undefined],
  [4.9, undefined],
  [5, "about 5 s before the first word"],
  [38.7, "about 40 s before the first word"],
  [200, "about 3 min before the first word"],
])("%s s are told as %s", (seconds, text) => {
  expect(waitText(seconds)).toBe(text);
});
