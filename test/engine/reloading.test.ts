/** Who switches models all day stays within the cap: what a model took is given back when the next one is loaded. */
import { describe, expect, test } from "vitest";
import { CancellationTokenSource } from "vscode-jsonrpc/node";
import type { Sidecar } from "../../protocol/client.js";
import {
  completeRequest,
  type LoadParams,
  loadProgress,
  loadRequest,
  type PlanParams,
  planRequest,
  statsRequest,
  unloadRequest,
} from "../../protocol/messages.js";
import { fetchModel, starterModel, starters } from "../../scripts/starter-model.mjs";
import { inCheckout } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { sidecar } from "../support/sidecar.js";
import { slowDisk } from "../support/slowDisk.js";

const contextTokens = 512;
const tiny = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");

/** The smallest cap for the context, all models of the plan included. */
async function smallestCap({ connection }: Sidecar, params: Omit<PlanParams, "ramCapBytes">): Promise<number> {
  const plan = (ramCapBytes: number) => connection.sendRequest(planRequest, { ...params, ramCapBytes, contextTokens });
  return (await plan(1024 ** 4)).minimumCapBytes;
}

async function peakOf({ connection }: Sidecar): Promise<number> {
  return (await connection.sendRequest(statsRequest)).memory.peakBytes;
}

describe("the peak stays within the cap", () => {
  test("while one model is loaded 30 times", async () => {
    const started = await sidecar();
    const ramCapBytes = await smallestCap(started, { modelPath: tiny });
    const params: LoadParams = { modelPath: tiny, engine: "flash", ramCapBytes, contextTokens };
    for (let count = 0; count < 30; count++) await started.connection.sendRequest(loadRequest, params);
    const peakBytes = await peakOf(started);
    expect(peakBytes).toBeGreaterThan(50e6);
    expect(peakBytes).toBeLessThanOrEqual(ramCapBytes);
  });

  test("while a model with a large vocabulary is loaded again and again", async () => {
    const started = await sidecar();
    const modelPath = await fetchModel(starters.inline);
    const ramCapBytes = await smallestCap(started, { modelPath });
    const params: LoadParams = { modelPath, engine: "flash", ramCapBytes, contextTokens };
    for (let count = 0; count < 12; count++) await started.connection.sendRequest(loadRequest, params);
    expect(await peakOf(started)).toBeLessThanOrEqual(ramCapBytes);
  });

  test("while models are switched, loads fail and are cancelled, and models are unloaded", async () => {
    const started = await sidecar();
    const { connection } = started;
    const inlineModelPath = await syntheticModel("llama-iq4_xs");
    const models = [
      { modelPath: tiny },
      { modelPath: await syntheticModel("qwen3moe-iq4_xs") },
      { modelPath: await syntheticModel("arcee-f16"), inlineModelPath },
    ];
    const caps = await Promise.all(models.map((model) => smallestCap(started, model)));
    for (let round = 0; round < 6; round++) {
      for (const [index, model] of models.entries()) {
        const params: LoadParams = { ...model, engine: "flash", ramCapBytes: caps[index] ?? 0, contextTokens };
        const { plan } = await connection.sendRequest(loadRequest, params);
        expect(plan?.inlineBytes === 0).toBe(model.inlineModelPath === undefined);
        const request = { prefix: "Hello", maximumTokens: 4, ignoreEos: true };
        expect((await connection.sendRequest(completeRequest, request)).tokens).toHaveLength(4);
        if (round % 2 === 0) await connection.sendRequest(unloadRequest);
        const damaged = inCheckout("test/fixtures/corpus/dense.gguf");
        await expect(connection.sendRequest(loadRequest, { ...params, modelPath: damaged })).rejects.toThrow();
        const cancellation = new CancellationTokenSource();
        const listener = connection.onProgress(loadProgress, "cancelled", () => cancellation.cancel());
        const cancelled = { ...params, progressToken: "cancelled" };
        await expect(connection.sendRequest(loadRequest, cancelled, cancellation.token)).rejects.toThrow();
        listener.dispose();
      }
    }
    expect(await peakOf(started)).toBeLessThanOrEqual(Math.max(...caps));
  });

  test("while a model is loaded again and again with its draft model", async () => {
    const environment = Object.entries(slowDisk).map(([name, value]) => `${name}=${value}`);
    const started = await sidecar(undefined, ["env", ...environment]);
    const ramCapBytes = 400 * 2 ** 20;
    const model = { modelPath: await starterModel(), draftModelPath: await syntheticModel("draft-q8_0") };
    const params: LoadParams = { ...model, engine: "flash", ramCapBytes, contextTokens };
    for (let count = 0; count < 3; count++) {
      const { plan } = await started.connection.sendRequest(loadRequest, params);
      expect(plan?.draftBytes).toBeGreaterThan(0);
    }
    expect(await peakOf(started)).toBeLessThanOrEqual(ramCapBytes);
  });
});
