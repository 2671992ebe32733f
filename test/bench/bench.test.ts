/** `flint bench` as a script uses it: both engines, in one run, on a small model. */
import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { flint, inCheckout, planModel, report, start } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";

const spread = z.strictObject({ median: z.number(), min: z.number(), max: z.number() });
const engine = z.strictObject({
  done: z.int(),
  killed: z.int(),
  failed: z.int(),
  reason: z.string().optional(),
  msPerToken: spread.optional(),
  tokensPerSecond: spread.optional(),
  timeToFirstTokenMs: spread.optional(),
  readBytesPerToken: spread.optional(),
  peakBytes: z.int().positive().optional(),
  residentPeakBytes: z.int().positive().optional(),
});
const benchReport = z.strictObject({
  comparisons: z.array(
    z.strictObject({
      modelPath: z.string(),
      modelBytes: z.int().positive(),
      ramCapBytes: z.int().positive(),
      contextTokens: z.int().positive(),
      tokens: z.int().positive(),
      plainWeights: z.boolean(),
      cgroup: z.union([
        z.strictObject({ version: z.literal([1, 2]), swapHeld: z.boolean() }),
        z.strictObject({ unavailable: z.string().min(1) }),
      ]),
      warmCaches: z.string().min(1).optional(),
      stock: engine,
      flash: engine,
      floor: z
        .strictObject({
          msPerToken: spread,
          bound: z.enum(["disk", "compute"]),
          diskBytesPerSecond: spread,
          computeBytesPerSecond: spread,
        })
        .optional(),
      speedup: spread.optional(),
      overFloor: spread.optional(),
      pairs: z.array(z.unknown()),
    }),
  ),
});

let model: string;
let cap: string;
const quick = ["--runs", "2", "--tokens", "3", "--context", "512"];
beforeAll(async () => {
  model = await syntheticModel("llama-iq4_xs");
  cap = `${(await planModel(model, "--context", "512", "--ram-cap", "4GiB")).minimumCapBytes}`;
});

test("reports both engines, run by run, and draws them", async () => {
  const picture = inCheckout(`build/test-models/bench-${process.pid}.svg`);
  const ended = await flint("bench", model, "--ram-cap", cap, ...quick, "--chart", picture, "--json");
  const { comparisons } = report(benchReport, ended);
  expect(ended.stdout).toMatch(/^[^\n]+\n$/);
  expect(comparisons).toHaveLength(1);
  const [result] = comparisons;
  expect(result?.pairs).toHaveLength(2);
  expect(result?.flash).toMatchObject({ done: 2, killed: 0, failed: 0 });
  expect(result?.flash.peakBytes).toBeLessThanOrEqual(Number(cap));
  expect(result?.ramCapBytes).toBe(Number(cap));
  // The one is written as each run ends, the other at the end.
  expect(ended.stderr).toMatch(/stock 1\/2.*\n.*flash 1\/2.*\n.*stock 2\/2.*\n.*flash 2\/2/);
  expect(await readFile(picture, "utf8")).toMatch(/^<svg /);
});

test("refuses what does not fit, before it measures", async () => {
  const { status, stdout, stderr } = await flint("bench", model, "--ram-cap", "50%", ...quick);
  expect({ status, stdout }).toEqual({ status: 3, stdout: "" });
  expect(stderr).toMatch(/^flint: .* needs at least .*\n$/);
});

test("an interrupt ends it, and the sidecar with it", async () => {
  const running = start(["bench", model, "--ram-cap", cap, ...quick, "--runs", "100"]);
  const first = new Promise<void>((resolve) => running.process.stderr.once("data", () => resolve()));
  await first;
  running.process.kill("SIGINT");
  const { status, stdout, stderr } = await running.ended;
  expect({ status, stdout }).toEqual({ status: 130, stdout: "" });
  expect(stderr).not.toContain("Error");
});
