import { expect, test } from "vitest";
import { TimeLimitError, withTimeLimit } from "./timeLimit.js";

test("work that ends gives what it gives, and throws what it throws", () => {
  expect(withTimeLimit(10_000, () => [1, 2])).toEqual([1, 2]);
  expect(withTimeLimit(10_000, () => undefined)).toBeUndefined();
  const fault = () =>
    withTimeLimit(10_000, () => {
      throw new RangeError("no");
    });
  expect(fault).toThrow(RangeError);
});

test("work that never ends is ended, also where it catches all errors", () => {
  const endless = () => {
    for (;;) {
      try {
        while (Date.now() > 0);
      } catch {
        // Goes on.
      }
    }
  };
  expect(() => withTimeLimit(50, endless)).toThrow(TimeLimitError);
  expect(withTimeLimit(10_000, () => 1)).toBe(1);
});
