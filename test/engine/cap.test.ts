/** The RAM cap is a promise: in a memory cgroup of exactly that size the engine works, and is never killed. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { completeRequest, statsRequest } from "../../protocol/messages.js";
import { inCheckout, planModel } from "../support/flint.js";
import { syntheticModel, vocabulary } from "../support/models.js";
import { cappedSidecar, heldBy, load } from "../support/sidecar.js";

const held = await heldBy();
const contextTokens = 1536;
const promptTokens = 1000;
const answerTokens = 64;

/** Of the type that most models have, which llama.cpp lays out anew in memory, and with a vocabulary of 128,256 tokens. */
async function wideModel(): Promise<string> {
  const path = inCheckout("build/test-models/wide-q4_0.gguf");
  await mkdir(inCheckout("build/test-models"), { recursive: true });
  const shape = "--arch llama --type Q4_0 --layers 6 --embd 768 --heads 12 --kv-heads 4 --ff 3072";
  const files = ["--vocab", vocabulary("llama-bpe"), "--out", path];
  await promisify(execFile)(inCheckout("build/native/native-tests/flint-synthesize"), [...shape.split(" "), ...files]);
  return path;
}

/** What the kernel calls the largest resident size of a process so far, in bytes. */
function residentPeak(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

describe.each([
  ["llama-iq4_xs", () => syntheticModel("llama-iq4_xs")],
  ["arcee-f16", () => syntheticModel("arcee-f16")],
  ["wide-q4_0", wideModel],
  ["qwen3moe-iq4_xs", () => syntheticModel("qwen3moe-iq4_xs")],
])("%s", (_, makeModel) => {
  let model: string;
  let least: number;
  let most: number;
  let weights: number;
  beforeAll(async () => {
    model = await makeModel();
    const plan = (cap: string) => planModel(model, "--context", `${contextTokens}`, "--ram-cap", cap);
    const everything = await plan("64GiB");
    least = everything.minimumCapBytes;
    weights = everything.weights.residentBytes;
    // The smallest buffers are enough for all weights to be in memory.
    const { processBytes, kvBytes, computeBytes } = await plan(`${least}`);
    most = processBytes + weights + kvBytes + computeBytes;
    expect(most).toBeGreaterThan(least);
  });

  test.each([
    ["the smallest cap", 0],
    ["a third of the way to all in memory", 1 / 3],
    ["two thirds of the way to all in memory", 2 / 3],
  ])(`keeps %s from load to the last token, held by ${held}`, async (_, share) => {
    const cap = Math.round(least + share * (most - least));
    const { sidecar, group, log } = await cappedSidecar(cap);
    const work = async () => {
      const { plan } = await load(sidecar, model, { ramCapBytes: cap, contextTokens });
      const result = await sidecar.connection.sendRequest(completeRequest, {
        prefix: " the".repeat(promptTokens),
        maximumTokens: answerTokens,
        ignoreEos: true,
      });
      const before = process.platform === "linux" ? residentPeak(sidecar.process.pid) : 0;
      const { memory } = await sidecar.connection.sendRequest(statsRequest);
      return { plan, result, before, memory };
    };
    const killed = sidecar.exited.then(async ({ code, signal }) => {
      const usage = JSON.stringify(await group?.usage());
      throw new Error(`the engine ended (${signal ?? code}) under a cap of ${cap}: ${usage} ${log.at(-1) ?? ""}`);
    });
    const { plan, result, before, memory } = await Promise.race([work(), killed]);

    expect(plan?.weights.residentBytes).toBeLessThan(weights);
    expect(result.promptTokens.length).toBeGreaterThanOrEqual(promptTokens);
    expect(result.tokens).toHaveLength(answerTokens);
    expect(memory.capBytes).toBe(cap);
    expect(memory.peakBytes).toBeLessThanOrEqual(cap);
    if (process.platform === "linux") {
      expect(memory.peakBytes).toBeGreaterThanOrEqual(before);
      expect(memory.peakBytes).toBeLessThanOrEqual(residentPeak(sidecar.process.pid));
    }
    if (group) expect(await group.usage()).toMatchObject({ oomKills: 0 });
  });
});
