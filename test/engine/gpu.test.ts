/**
 * A part of a model on a GPU: with Mesa's software GPU, where it is installed. What a plan does with a GPU is tested without one
 * (test/native/gpu_plan_test.cpp).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Sidecar, startSidecar } from "../../protocol/client.js";
import type { GpuLibraries } from "../../protocol/gpu.js";
import {
  completeRequest,
  evaluateRequest,
  type GenerationResult,
  type LoadResult,
  type Plan,
  type PlanParams,
  planRequest,
  statsRequest,
} from "../../protocol/messages.js";
import { starterModel } from "../../scripts/starter-model.mjs";
import { lavapipe, lavapipeEnvironment } from "../support/lavapipe.js";
import { syntheticModel } from "../support/models.js";
import { load, sidecarScript } from "../support/sidecar.js";

const contextTokens = 512;
const MiB = 1024 ** 2;
/** Of a software GPU's driver: what it compiles shaders with, and their code. */
const driverBytes = 400 * MiB;

async function start(gpu?: GpuLibraries, onLog: (line: string) => void = () => undefined): Promise<Sidecar> {
  const started = await startSidecar({ scriptPath: sidecarScript, onLog, gpu });
  onTestFinished(() => started.dispose());
  // A driver may end the process: what waits for an answer then fails at once.
  void started.exited.then(() => started.connection.dispose());
  return started;
}

const plan = ({ connection }: Sidecar, params: PlanParams): Promise<Plan> =>
  connection.sendRequest(planRequest, { contextTokens, ...params });

const complete = ({ connection }: Sidecar): Promise<GenerationResult> =>
  connection.sendRequest(completeRequest, { prefix: "def fibonacci(n):", maximumTokens: 8, ignoreEos: true });

/** The least memory of a GPU that so many layers fit in, to a MiB. */
async function vramFor(started: Sidecar, params: PlanParams, layers: number): Promise<number> {
  let [low, high] = [0, 8192];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { gpu } = await plan(started, { ...params, vramCapBytes: middle * MiB });
    if ((gpu?.layers ?? 0) >= layers) high = middle;
    else low = middle + 1;
  }
  return low * MiB;
}

test("libraries that can't be loaded leave all to the processor, and it is said", async () => {
  const folder = await mkdtemp(join(tmpdir(), "flint-no-gpu-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const params = { modelPath: await syntheticModel("llama-iq4_xs"), ramCapBytes: 1024 ** 3 };
  const refused = await plan(await start({ kind: "vulkan", folder }), params);
  expect(refused.gpu).toBeUndefined();
  expect(refused.gpuRefusal?.reason).toBe(
    "llama.cpp's Vulkan libraries do not work with this machine's drivers. The model runs on the CPU only.",
  );
  const alone = await plan(await start(), params);
  expect(alone).not.toHaveProperty("gpuRefusal");
  expect(refused.weights).toEqual(alone.weights);
});

const found = await lavapipe();
if (typeof found === "string") console.log(`Skipped, what needs a GPU: ${found}.`);
const libraries = typeof found === "string" ? undefined : found;

describe.skipIf(!libraries)("with a software GPU", () => {
  beforeEach(() => {
    for (const [name, value] of Object.entries(lavapipeEnvironment)) vi.stubEnv(name, value);
  });
  afterEach(() => vi.unstubAllEnvs());

  test("layers move to it: the same tokens, ever less from flash, and the cap is kept", async () => {
    const modelPath = await starterModel();
    const planner = await start(libraries);
    const { minimumCapBytes } = await plan(planner, { modelPath, ramCapBytes: 1024 ** 4, vramCapBytes: 0 });
    const params = { modelPath, ramCapBytes: minimumCapBytes + 64 * MiB, contextTokens };
    const all = (await plan(planner, params)).gpu?.ofLayers ?? 0;
    expect(all).toBeGreaterThan(2);
    const caps = [0];
    for (const layers of [1, Math.floor(all / 2), all]) caps.push(await vramFor(planner, params, layers));
    planner.dispose();

    const alone = await start();
    await load(alone, modelPath, params);
    const expected = await complete(alone);
    alone.dispose();
    const runs: { loaded: LoadResult; result: GenerationResult }[] = [];
    for (const vramCapBytes of caps) {
      const started = await start(libraries);
      const loaded = await load(started, modelPath, { ...params, vramCapBytes });
      const result = await complete(started);
      const { memory } = await started.connection.sendRequest(statsRequest);
      const { weightBytes = 0, kvBytes = 0, computeBytes = 0 } = loaded.plan?.gpu ?? {};
      expect(weightBytes + kvBytes + computeBytes).toBeLessThanOrEqual(vramCapBytes);
      expect(memory.peakBytes).toBeLessThan(params.ramCapBytes + weightBytes + kvBytes + computeBytes + driverBytes);
      runs.push({ loaded, result });
      started.dispose();
    }
    expect(runs.map(({ loaded }) => loaded.plan?.gpu?.layers ?? 0)).toEqual([0, 1, Math.floor(all / 2), all]);
    expect(runs[0]?.loaded.plan?.gpuRefusal?.reason).toContain("has no room for a layer of this model");
    // The kernels of another device round otherwise: after some tokens another one may be the most likely.
    for (const { result } of runs) expect(result.tokens.slice(0, 4)).toEqual(expected.tokens.slice(0, 4));
    expect(runs[0]?.result.tokens).toEqual(expected.tokens);
    const read = runs.map(({ result }) => result.flash.readBytesPerToken);
    expect(read).toEqual(read.toSorted((a, b) => b - a));
    expect(read[0]).toBeGreaterThan(2 * (read[2] ?? 0));
    // Rows of the embedding.
    expect(read.at(-1)).toBeLessThan(MiB);
  });

  test("of a mixture of experts the rest moves to it, and experts stay in the pool", async () => {
    const modelPath = await syntheticModel("qwen3moe-iq4_xs");
    const planner = await start(libraries);
    const { minimumCapBytes } = await plan(planner, { modelPath, ramCapBytes: 1024 ** 4, vramCapBytes: 0 });
    const params = { modelPath, ramCapBytes: minimumCapBytes, contextTokens };
    const all = (await plan(planner, params)).gpu?.ofLayers ?? 0;
    const vramCapBytes = await vramFor(planner, params, all);
    const text = "The quick brown fox jumps over the lazy dog. ".repeat(4);
    const perplexity = async (started: Sidecar) =>
      (await started.connection.sendRequest(evaluateRequest, { text })).perplexity;

    const loaded = await load(planner, modelPath, { ...params, vramCapBytes });
    expect(loaded.plan?.gpu).toMatchObject({ layers: all, expertLayers: 0 });
    expect(loaded.plan?.weights.expertCacheBytes).toBeGreaterThan(0);
    const { flash, tokens } = await complete(planner);
    expect(tokens).toHaveLength(8);
    expect(flash.readBytes).toBeGreaterThan(0);
    const alone = await start();
    await load(alone, modelPath, params);
    const expected = await perplexity(alone);
    expect(Math.abs((await perplexity(planner)) / expected - 1)).toBeLessThan(0.02);
  });

  test("without room for what was planned, the processor takes it, and it is said", async () => {
    // Of any tensor: as if other programs had taken the rest meanwhile.
    vi.stubEnv("GGML_VK_FORCE_MAX_BUFFER_SIZE", `${64 * 1024}`);
    vi.stubEnv("GGML_VK_FORCE_MAX_ALLOCATION_SIZE", `${64 * 1024}`);
    const model = await syntheticModel("llama-iq4_xs");
    const started = await start(libraries);
    const { plan } = await load(started, model, { contextTokens });
    expect(plan?.gpu).toBeUndefined();
    expect(plan?.gpuRefusal?.reason).toMatch(
      /^The GPU could not take its part of the model: .*The model runs on the CPU only\.$/,
    );
    const alone = await start();
    await load(alone, model, { contextTokens });
    expect((await complete(started)).tokens).toEqual((await complete(alone)).tokens);
  });

  test("a process that dies while the GPU has a part of a model is no fault of the model", async () => {
    const started = await start(libraries);
    const { plan } = await load(started, await syntheticModel("llama-iq4_xs"), { contextTokens });
    expect(plan?.gpu?.layers).toBe(plan?.gpu?.ofLayers);
    started.process.kill("SIGSEGV");
    expect(await started.exited).toMatchObject({ signal: "SIGSEGV", onGpu: true });
  });
});
