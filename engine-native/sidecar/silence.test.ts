import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { tellingSilence } from "./silence.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a disk that gives nothing is told each second, and once that it gives again", async () => {
  const told: number[] = [];
  let silentMs = 0;
  const work = () =>
    new Promise<string>((resolve) => {
      setTimeout(() => resolve("done"), 10_000);
    });
  const result = tellingSilence(
    () => silentMs,
    (ms) => told.push(ms),
    work,
  );
  for (silentMs of [0, 1900, 2900, 3900, 0, 0, 1000]) await vi.advanceTimersByTimeAsync(1000);
  expect(told).toEqual([2900, 3900, 0]);
  silentMs = 9000;
  await vi.advanceTimersByTimeAsync(3000);
  expect(await result).toBe("done");
  // Nobody waits any more.
  const before = told.length;
  await vi.advanceTimersByTimeAsync(5000);
  expect(told).toHaveLength(before);
});
