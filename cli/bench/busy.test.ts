import { expect, onTestFinished, test } from "vitest";
import { type BusyComparison, busyTable, concludeBusy } from "./busy.js";
import { busyChart } from "./chart.js";
import { BusyProcesses } from "./processes.js";
import type { Run } from "./run.js";

const done = (msPerToken: number, timeToFirstTokenMs: number, othersPerSecond?: number): Run => ({
  outcome: "done",
  msPerToken,
  tokenMs: { median: msPerToken, p95: 2 * msPerToken },
  timeToFirstTokenMs,
  residentPeakBytes: 2 ** 30,
  promptTokens: [1, 2, 3],
  tokens: [1],
  ...(othersPerSecond !== undefined && { othersPerSecond }),
});
const described = {
  modelPath: "/models/a.gguf",
  ramCapBytes: 2 ** 30,
  contextTokens: 512,
  tokens: 8,
  plainWeights: false,
  runs: 2,
  busy: 2,
  processors: 4,
};

test("ratios are taken pair by pair", () => {
  const conclusion = concludeBusy([
    { stock: done(400, 900, 10), flash: done(100, 300, 12) },
    { stock: done(600, 1000, 9), flash: done(100, 500, 9) },
  ]);
  expect(conclusion).toMatchObject({
    promptTokens: 3,
    speedup: { median: 5, min: 4, max: 6 },
    firstTokenSpeedup: { median: 2.5, min: 2, max: 3 },
    flash: { done: 2, unevenness: { median: 2 }, medianMs: { median: 100 } },
  });
  // The others did the same in 10/12 of the time, and in the same.
  expect(conclusion.othersTime?.min).toBeCloseTo(10 / 12);
  expect(conclusion.othersTime?.max).toBe(1);
});

test("a pair of which one failed has no ratio, and the table says why", () => {
  const failed: Run = { outcome: "failed", reason: "the engine stopped" };
  const conclusion = concludeBusy([{ stock: failed, flash: done(100, 300) }]);
  expect(conclusion.speedup).toBeUndefined();
  const comparison: BusyComparison = { ...described, ...conclusion };
  expect(busyTable(comparison)).toContain("stock failed: the engine stopped");
});

test("the table has both engines and what the other processes lose", () => {
  const conclusion = concludeBusy([{ stock: done(400, 900, 10), flash: done(100, 300, 8) }]);
  const text = busyTable({ ...described, ...conclusion });
  expect(text).toContain("2 busy processes on 4 processors");
  expect(text).toMatch(/flint generates 4\.00× .* as fast as stock/);
  expect(text).toMatch(/the other processes take 1\.25×/);
});

test("the chart has both engines, quiet and busy", () => {
  const conclusion = concludeBusy([{ stock: done(400, 900), flash: done(100, 300) }]);
  const svg = busyChart([
    { ...described, busy: 0, ...conclusion },
    { ...described, ...conclusion },
  ]);
  expect(svg).toContain("a.gguf, nothing else running, 4 processors");
  expect(svg).toContain("a.gguf, beside 2 busy processes, 4 processors");
  expect(svg).toContain("100 (4.00× stock)");
  expect(svg.match(/<rect /g)).toHaveLength(4);
});

test("processes compute until they are ended, and tell how far they are", async () => {
  const others = await BusyProcesses.start(2);
  onTestFinished(() => others[Symbol.dispose]());
  let rounds = 0;
  // However slow the machine is, they get on.
  while (rounds < 10) rounds = await others.rounds();
  expect(await others.rounds()).toBeGreaterThanOrEqual(rounds);
});
