import { expect, test } from "vitest";
import { timeAgo } from "./timeAgo.js";

const hour = 3_600_000;
test.each([
  [0, "now"],
  [-hour, "now"],
  [59_000, "now"],
  [5 * 60_000, "5 minutes ago"],
  [hour, "1 hour ago"],
  [24 * hour, "yesterday"],
  [15 * 24 * hour, "2 weeks ago"],
  [800 * 24 * hour, "2 years ago"],
])("%d ms is %s", (age, words) => {
  expect(timeAgo(10 ** 12 - age, 10 ** 12, "en")).toBe(words);
});

test("in the person's language", () => {
  expect(timeAgo(0, 5 * 60_000, "de")).toBe("vor 5 Minuten");
});
