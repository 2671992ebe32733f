import { expect, test } from "vitest";
import { promptSeconds, promptSpeed } from "./promptEstimate.js";

const measured = {
  diskBytesPerSecond: 2e9,
  computeBytesPerSecond: 20e9,
  checkBytesPerSecond: 40e9,
  usedBytesPerToken: 1e9,
  readBytesPerToken: 0,
};

test("a prompt takes as long as the last one let expect", () => {
  expect(promptSeconds(1000, { promptTokensPerSecond: 25, measured })).toBe(40);
});

test("without one it is worked out: what is computed for each token, or what is read for each pass", () => {
  expect(promptSeconds(1000, { promptTokensPerSecond: undefined, measured })).toBe(25);
  // Two passes, each of which reads 60 GB.
  expect(
    promptSeconds(1000, { promptTokensPerSecond: undefined, measured: { ...measured, readBytesPerToken: 60e9 } }),
  ).toBe(60);
  expect(promptSeconds(1000, { promptTokensPerSecond: undefined, measured: undefined })).toBeUndefined();
});

test("a speed is told when enough was read", () => {
  expect(promptSpeed(100, 2000)).toBe(50);
  expect(promptSpeed(10, 2000)).toBeUndefined();
  expect(promptSpeed(100, 100)).toBeUndefined();
});
