import { expect, test } from "vitest";
import { parseCap } from "./cap.js";

test.each([
  ["50%", { percent: 50 }],
  ["62.5 %", { percent: 62.5 }],
  ["2300MiB", { bytes: 2300 * 1024 ** 2 }],
  ["0%", undefined],
  ["0", undefined],
  ["%", undefined],
  ["-5%", undefined],
  ["half", undefined],
])("reads %j as a cap", (text, expected) => {
  expect(parseCap(text)).toEqual(expected);
});
