import { expect, test } from "vitest";
import { estimate } from "./estimate.js";

const measured = { diskBytesPerSecond: 2e9, computeBytesPerSecond: 20e9, checkBytesPerSecond: 40e9 };

test.each([
  ["in memory: arithmetic", 0, { usedBytesPerToken: 4e9, readBytesPerToken: 0 }, 5],
  ["streamed: the disk, while others are multiplied", 0, { usedBytesPerToken: 4e9, readBytesPerToken: 2e9 }, 1],
  ["streamed a little: arithmetic, while others are read", 0, { usedBytesPerToken: 4e9, readBytesPerToken: 2e8 }, 5],
  ["experts: one after the other", 1e9, { usedBytesPerToken: 1e9, readBytesPerToken: 1e8 }, 10],
])("%s", (_, expertCacheBytes, bytes, tokensPerSecond) => {
  expect(estimate({ expertCacheBytes }, { ...measured, ...bytes })).toBeCloseTo(tokensPerSecond, 6);
});
