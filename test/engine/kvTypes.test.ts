/** Keys and values in Q8_0: where a long context would not fit otherwise, and nowhere else. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { completeRequest, type LoadParams, statsRequest, unloadRequest } from "../../protocol/messages.js";
import { planModel } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { load, sidecar } from "../support/sidecar.js";

const contextTokens = 8192;
const context = ["--context", `${contextTokens}`];
const words = (count: number): string =>
  Array.from({ length: count }, (_, i) => [" the", " of", " and"][i % 3]).join("");

let model: string;
/** The smallest cap for that context. */
let least: number;
beforeAll(async () => {
  model = await syntheticModel("llama-long");
  least = (await planModel(model, ...context)).minimumCapBytes;
});

test("a plan has them in Q8_0 where F16 does not fit, and says so", async () => {
  const roomy = await planModel(model, ...context);
  expect(roomy).not.toHaveProperty("kvType");
  const tight = await planModel(model, ...context, "--ram-cap", `${least}`);
  expect(tight).toMatchObject({ fits: true, kvType: "Q8_0", kvBytes: (roomy.kvBytes * 34) / 64 });
  const usual = await planModel(model, "--context", "4096", "--ram-cap", `${least}`);
  expect(usual).toMatchObject({ fits: true });
  expect(usual).not.toHaveProperty("kvType");
});

test("a model answers with them within the cap, and what is kept on disk is for its own type", async () => {
  const folder = await mkdtemp(join(tmpdir(), "flint-kv-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const answer = async (more: Partial<LoadParams>) => {
    const { connection, dispose, exited } = await sidecar();
    const { plan } = await load({ connection }, model, {
      contextTokens,
      kvCache: { folder, budgetBytes: 1024 ** 3 },
      ...more,
    });
    const result = await connection.sendRequest(completeRequest, {
      prefix: words(5000),
      maximumTokens: 8,
      ignoreEos: true,
    });
    const { memory } = await connection.sendRequest(statsRequest);
    await connection.sendRequest(unloadRequest);
    dispose();
    await exited;
    return { ...result, kvType: plan?.kvType, peakBytes: memory.peakBytes };
  };
  const first = await answer({ ramCapBytes: least });
  expect(first).toMatchObject({ kvType: "Q8_0", cachedPromptTokens: 0 });
  expect(first.peakBytes).toBeLessThanOrEqual(least);
  const other = await answer({});
  expect(other).toMatchObject({ kvType: undefined, cachedPromptTokens: 0 });
  const again = await answer({ ramCapBytes: least });
  expect(again).toMatchObject({ tokens: first.tokens, cachedPromptTokens: first.promptTokens.length - 1 });
});
