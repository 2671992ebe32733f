import { expect, test } from "vitest";
import { summary } from "./compare.js";
import type { Run } from "./run.js";
import { sourceOf, sparseTable } from "./sparse.js";

const done = (msPerToken: number): Run => ({
  outcome: "done",
  msPerToken,
  timeToFirstTokenMs: 1,
  readBytesPerToken: 2 ** 20,
  residentPeakBytes: 2 ** 30,
  promptTokens: [1],
  tokens: [1],
});

test("a converted model's source is found by its name", () => {
  expect(sourceOf("/models/a-flash.gguf")).toBe("/models/a.gguf");
  expect(sourceOf("/models/a.gguf")).toBeUndefined();
  expect(sourceOf("/models/-flash.gguf")).toBeUndefined();
});

test("the table has a line for each way, and how much faster predict is", () => {
  const failed: Run = { outcome: "failed", reason: "the disk is gone" };
  const text = sparseTable({
    modelPath: "/models/a-flash.gguf",
    sourcePath: "/models/a.gguf",
    sourceBytes: 2 ** 31,
    ramCapBytes: 2 ** 30,
    leastCapBytes: 2 ** 29,
    contextTokens: 512,
    tokens: 8,
    plainWeights: false,
    runs: 1,
    cgroup: { unavailable: "not here" },
    ways: {
      stock: summary([done(2000)]),
      naive: summary([failed]),
      dense: summary([done(500)]),
      exact: summary([done(400)]),
      predict: summary([done(100)]),
    },
    timesOfPredict: { stock: { median: 20, min: 20, max: 20 } },
  });
  expect(text).toMatch(/stock, mmap .* 20\.00×/);
  expect(text).toMatch(/naive.* 1 failed/);
  expect(text).toContain("the disk is gone");
  expect(text).toContain("not held to the cap: not here");
});
