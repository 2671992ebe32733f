import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Timings } from "./timings.js";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Timings of tokens that came after so many milliseconds each, counted from the one before. */
function arrivals(...gaps: number[]): Timings {
  const timings = new Timings();
  for (const gap of gaps) {
    vi.advanceTimersByTime(gap);
    timings.add(1);
  }
  return timings;
}

test("the first token counts as reading the prompt", () => {
  const timings = arrivals(900, 100, 100);
  expect(timings.timeToFirstTokenMs).toBe(900);
  expect(timings.msPerToken).toEqual({ mean: 100, median: 100, p95: 100 });
  expect(timings.tokensPerSecond).toBe(10);
});

test("while there is no token the time to the first runs", () => {
  const timings = new Timings();
  vi.advanceTimersByTime(250);
  expect(timings.timeToFirstTokenMs).toBe(250);
  vi.advanceTimersByTime(250);
  expect(timings.timeToFirstTokenMs).toBe(500);
  timings.add(1);
  vi.advanceTimersByTime(250);
  expect(timings.timeToFirstTokenMs).toBe(500);
});

test.each([
  ["none", []],
  ["one", [500]],
])("%s: no rate", (_, gaps) => {
  const timings = arrivals(...gaps);
  expect(timings.msPerToken).toEqual({ mean: 0, median: 0, p95: 0 });
  expect(timings.tokensPerSecond).toBe(0);
});

test.each([
  ["odd", [1, 30, 10, 20], { mean: 20, median: 20, p95: 30 }],
  ["even", [1, 10, 20, 30, 40], { mean: 25, median: 30, p95: 40 }],
  ["one slow token", [1, ...Array<number>(19).fill(10), 1000], { mean: 59.5, median: 10, p95: 1000 }],
  ["one slow token of many", [1, ...Array<number>(99).fill(10), 1010], { mean: 20, median: 10, p95: 10 }],
])("%s", (_, gaps, expected) => {
  expect(arrivals(...gaps).msPerToken).toEqual(expected);
});

test("tokens that come together have no time between them", () => {
  const timings = new Timings();
  vi.advanceTimersByTime(100);
  timings.add(2);
  vi.advanceTimersByTime(100);
  timings.add(2);
  expect(timings.msPerToken.mean).toBeCloseTo(100 / 3);
  expect(timings.timeToFirstTokenMs).toBe(100);
});
