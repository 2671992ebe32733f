import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { reportDiskStalls } from "./diskStalls.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a disk that gives nothing is told each second, and once that it gives again", async () => {
  const told: number[] = [];
  let stalledMs = 0;
  const work = () =>
    new Promise<string>((resolve) => {
      setTimeout(() => resolve("done"), 10_000);
    });
  const result = reportDiskStalls(
    () => stalledMs,
    (ms) => told.push(ms),
    work,
  );
  for (stalledMs of [0, 1900, 2900, 3900, 0, 0, 1000]) await vi.advanceTimersByTimeAsync(1000);
  expect(told).toEqual([2900, 3900, 0]);
  stalledMs = 9000;
  await vi.advanceTimersByTimeAsync(3000);
  expect(await result).toBe("done");
  // Nobody waits any more.
  const before = told.length;
  await vi.advanceTimersByTimeAsync(5000);
  expect(told).toHaveLength(before);
});
