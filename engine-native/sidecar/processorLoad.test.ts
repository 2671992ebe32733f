import { expect, test, vi } from "vitest";
import { othersShare, type ProcessorTimes, processorTimes, watchProcessor } from "./processorLoad.js";

test.each([
  ["nobody else", 4000, 4000, 0],
  ["others half of it", 4000, 2000, 0.5],
  ["others all of it", 4000, 0, 1],
  ["a clock that is coarser than the other", 3990, 4000, 0],
])("with %s", (_, busyMs, ownMs, share) => {
  expect(othersShare({ busyMs: 0, totalMs: 0, ownMs: 0 }, { busyMs, totalMs: 4000, ownMs })).toBe(share);
});

test("a moment is no measure, and neither is a system that does not tell", () => {
  const start = { busyMs: 0, totalMs: 0, ownMs: 0 };
  expect(othersShare(start, { busyMs: 100, totalMs: 100, ownMs: 0 })).toBeUndefined();
  expect(othersShare(start, undefined)).toBeUndefined();
});

test("this system tells", () => {
  const times = processorTimes();
  expect(times?.totalMs).toBeGreaterThan(times?.busyMs ?? Number.NaN);
  expect(times?.ownMs).toBeGreaterThan(0);
});

test("it is told each second while others have much, and once when they have not any more", async () => {
  vi.useFakeTimers();
  try {
    const now: ProcessorTimes = { busyMs: 0, totalMs: 0, ownMs: 0 };
    const second = async (othersMs: number) => {
      now.totalMs += 2000;
      now.ownMs += 2000 - othersMs;
      now.busyMs += 2000;
      await vi.advanceTimersByTimeAsync(1000);
    };
    const reports: number[] = [];
    let end: (value: string) => void = () => undefined;
    const work = new Promise<string>((resolve) => {
      end = resolve;
    });
    const watched = watchProcessor(
      (share) => reports.push(share),
      () => work,
      () => ({ ...now }),
    );
    for (const othersMs of [0, 1000, 1800, 100, 0]) await second(othersMs);
    end("done");
    expect(await watched).toEqual({ result: "done", othersShare: 2900 / 10_000 });
    expect(reports).toEqual([0.5, 0.9, 0]);
  } finally {
    vi.useRealTimers();
  }
});
