import { expect, test } from "vitest";
import { chart } from "./chart.js";
import { type Comparison, conclude, pair, withPeer } from "./compare.js";
import type { Floor } from "./floor.js";
import type { Run } from "./run.js";
import { table } from "./table.js";

const GiB = 1024 ** 3;

const done = (msPerToken: number, tokens = [1, 2]): Run => ({
  outcome: "done",
  msPerToken,
  timeToFirstTokenMs: 500,
  readBytesPerToken: 2 * GiB,
  residentPeakBytes: 1.5 * GiB,
  promptTokens: [1],
  tokens,
  cgroup: { peakBytes: 2 * GiB, oomKills: 0 },
});
const killed: Run = { outcome: "killed", cgroup: { peakBytes: 2 * GiB, oomKills: 1 } };
const floor = (msPerToken: number): Floor => ({
  msPerToken,
  bound: "disk",
  diskBytesPerSecond: 2e9,
  computeBytesPerSecond: 30e9,
});

function comparison(pairs: ReturnType<typeof pair>[], more: Partial<Comparison> = {}): Comparison {
  const cgroup = { version: 1, swapHeld: true } as const;
  const sizes = { modelBytes: 4 * GiB, ramCapBytes: 2 * GiB, contextTokens: 512, tokens: 12, plainWeights: false };
  return { modelPath: "/models/a<b.gguf", ...sizes, cgroup, ...conclude(pairs), ...more };
}

test("ratios are of runs side by side, not of medians", () => {
  // The machine slowed down between the pairs: the engines' ratio did not change.
  const { speedup, overFloor, stock, flash } = conclude([
    pair(done(200), done(100), floor(80)),
    pair(done(600), done(300), floor(200)),
    pair(done(1000), done(500), floor(500)),
  ]);
  expect(speedup).toEqual({ median: 2, min: 2, max: 2 });
  expect(overFloor).toEqual({ median: 1.25, min: 1, max: 1.5 });
  expect(stock.msPerToken).toEqual({ median: 600, min: 200, max: 1000 });
  expect(flash.tokensPerSecond).toEqual({ median: 1000 / 300, min: 2, max: 10 });
});

test("a run that was killed has no speed, and is counted", () => {
  const result = conclude([pair(killed, done(100), floor(80)), pair(done(150), done(100), floor(80))]);
  expect(result.stock).toMatchObject({ done: 1, killed: 1, failed: 0, peakBytes: 2 * GiB });
  expect(result.speedup).toEqual({ median: 1.5, min: 1.5, max: 1.5 });
  expect(table(comparison(result.pairs))).toContain("stock: 1 killed at the cap");
});

test("where every run of stock was killed nothing is compared with it", () => {
  const result = comparison([pair(killed, done(100), floor(80))]);
  expect(result.speedup).toBeUndefined();
  expect(table(result)).toMatch(/^stock, mmap +1 killed at the cap +2\.0 GiB$/m);
  expect(table(result)).not.toContain("as fast as stock");
  expect(chart([result])).toContain("killed at the cap");
});

test("a run that failed says why", () => {
  const failed: Run = { outcome: "failed", reason: "the disk is gone" };
  expect(table(comparison([pair(done(1), failed, undefined)]))).toContain("flint failed: the disk is gone");
});

test("the same tokens are noticed", () => {
  expect(pair(done(1, [1, 2]), done(1, [1, 2]), undefined).sameTokens).toBe(true);
  expect(pair(done(1, [1, 2]), done(1, [1, 3]), undefined).sameTokens).toBe(false);
});

test("the table says what was not as it should be", () => {
  const pairs = [pair(done(1000), done(500), floor(400))];
  expect(table(comparison(pairs))).toContain("each in a memory cgroup (v1) of the cap, no swap");
  const loose = table(comparison(pairs, { cgroup: { unavailable: "no permission" }, warmCaches: "no dd" }));
  expect(loose).toContain("stock was not held to the cap: no permission");
  expect(loose).toContain("caches were not cold: no dd");
});

test("another program stands beside, run by run", () => {
  const pairs = [
    withPeer(pair(done(1000), done(500), undefined), done(3000)),
    withPeer(pair(done(1000), done(400), undefined), done(4000, [7, 8])),
    withPeer(pair(done(1000), done(500), undefined), killed),
  ];
  const result = comparison(pairs, conclude(pairs, "Peer 1"));
  expect(result.peer).toMatchObject({ name: "Peer 1", done: 2, killed: 1 });
  expect(result.peerSpeedup).toEqual({ median: 8, min: 6, max: 10 });
  expect(table(result)).toMatch(/^Peer 1 +3500 \(3000–4000\)/m);
  expect(table(result)).toContain("flint is 8.00× (6.00–10.00) as fast as Peer 1, same tokens in 1 of 2 runs");
  expect(table(result)).toContain("Peer 1: 1 killed at the cap");
  expect(chart([result]).match(/<rect class="peer"/g)).toHaveLength(1);
  expect(chart([result])).toContain("(2.00× stock, 8.00× Peer 1)");
});

test("the chart is a picture of its own, with names as they are", () => {
  const svg = chart([comparison([pair(done(1000), done(500), floor(400))])]);
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  expect(svg).toContain("a&lt;b.gguf");
  expect(svg).toContain("prefers-color-scheme: dark");
  expect(svg.match(/<rect /g)).toHaveLength(3);
});
