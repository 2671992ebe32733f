/** A model of its own for completions: beside the other within one cap, and first at its turn. */
import { copyFile, rm, truncate } from "node:fs/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Sidecar } from "../../protocol/client.js";
import { chatRequest, completeRequest, planRequest, statsRequest, unloadRequest } from "../../protocol/messages.js";
import { starterModel } from "../../scripts/starter-model.mjs";
import { flint, inCheckout, planModel, planReport, report } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { cappedSidecar, load, sidecar, watch } from "../support/sidecar.js";

const contextTokens = 512;

let small: string;
let tinyLlama: string;
let arcee: string;
beforeAll(async () => {
  small = await syntheticModel("llama-iq4_xs");
  arcee = await syntheticModel("arcee-f16");
  tinyLlama = await starterModel();
});

const smallestCap = async ({ connection }: Sidecar, modelPath: string, inlineModelPath: string) => {
  const request = { modelPath, inlineModelPath, ramCapBytes: 1024 ** 4, contextTokens };
  return (await connection.sendRequest(planRequest, request)).minimumCapBytes;
};

/** Both loaded, under the smallest cap that has room for both. */
async function loaded(modelPath: string, inlineModelPath: string): Promise<Sidecar> {
  const started = await sidecar();
  const ramCapBytes = await smallestCap(started, modelPath, inlineModelPath);
  const { plan } = await load(started, modelPath, { inlineModelPath, ramCapBytes });
  expect(plan?.weights.streamedBytes).toBeGreaterThan(0);
  return started;
}

const complete = (started: Sidecar, prefix: string, maximumTokens: number) =>
  watch(started, (progressToken, token) =>
    started.connection.sendRequest(completeRequest, { prefix, maximumTokens, progressToken, ignoreEos: true }, token),
  );
const chat = (started: Sidecar, maximumTokens: number) =>
  watch(started, (progressToken, token) => {
    const messages = [{ role: "user" as const, text: "Name three colours." }];
    return started.connection.sendRequest(chatRequest, { messages, maximumTokens, progressToken }, token);
  });

describe("the plan", () => {
  test("counts the inline model, as a whole", async () => {
    const options = ["--context", `${contextTokens}`];
    const alone = await planModel(arcee, ...options);
    const both = await planModel(arcee, ...options, "--inline-model", tinyLlama);
    expect(alone.inlineBytes).toBe(0);
    expect(both.inlineBytes).toBeGreaterThan(320_000_000);
    expect(both.minimumCapBytes).toBe(alone.minimumCapBytes + both.inlineBytes);
    const cap = async (bytes: number) =>
      planModel(arcee, ...options, "--inline-model", tinyLlama, "--ram-cap", `${bytes}`);
    const least = await cap(both.minimumCapBytes);
    expect(least).toMatchObject({ inlineBytes: both.inlineBytes, contextTokens });
    expect(least.weights.streamedBytes).toBeGreaterThan(0);
    const refused = await cap(both.minimumCapBytes - 1);
    expect(refused).toMatchObject({ fits: true, inlineBytes: 0, minimumCapBytes: alone.minimumCapBytes });
    expect(refused.inlineRefusal).toMatchObject({ minimumCapBytes: both.minimumCapBytes });
    expect(refused.inlineRefusal?.reason).toMatch(
      /^tinyllama\S+ has no room beside arcee-f16\S+: both need at least \d+ MiB with a context of 512; the cap is \d+ MiB\. The chat model does the suggestions\.$/,
    );
  });

  test("of an automatic context is not shortened for it", async () => {
    const alone = await planModel(tinyLlama, "--ram-cap", "400MiB");
    const both = await planModel(tinyLlama, "--ram-cap", "400MiB", "--inline-model", small);
    expect(both.contextTokens).toBe(alone.contextTokens);
  });

  test("says in words what is the matter with a file", async () => {
    const missing = await flint("plan", arcee, "--inline-model", "nowhere.gguf");
    expect(missing).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/inline model +No inline model: .*nowhere/),
    });
    const text = report(planReport, await flint("plan", arcee, "--inline-model", inCheckout("package.json"), "--json"));
    expect(text.inlineRefusal?.reason).toMatch(/package\.json.* The chat model does the suggestions\.$/);
    expect(text.inlineRefusal).not.toHaveProperty("minimumCapBytes");
  });
});

test.each([
  // More than its context, which is cut.
  ["a streamed chat model, a small inline model", () => [tinyLlama, small] as const, 4500],
  ["a small chat model, a larger inline model", () => [arcee, tinyLlama] as const, 100],
])("both together stay within the smallest cap: %s", async (_, pair, words) => {
  const [modelPath, inlineModelPath] = pair();
  const cap = await smallestCap(await sidecar(), modelPath, inlineModelPath);
  const { sidecar: started, group } = await cappedSidecar(cap);
  const result = await load(started, modelPath, { inlineModelPath, ramCapBytes: cap });
  expect(result).toMatchObject({ inline: { infill: false }, plan: { inlineBytes: expect.any(Number) } });
  for (let round = 0; round < 2; round++) {
    const suggestion = await complete(started, " the".repeat(words), 8).result;
    expect(suggestion).toMatchObject({ modelPath: inlineModelPath, finishReason: "length" });
    expect(suggestion.promptTokens.length).toBeGreaterThan(Math.min(words, 2000));
    expect(await chat(started, 4).result).toMatchObject({ modelPath });
  }
  const stats = await started.connection.sendRequest(statsRequest);
  expect(stats).toMatchObject({ modelPath, inlineModelPath, memory: { capBytes: cap } });
  expect(stats.memory.peakBytes).toBeLessThanOrEqual(cap);
  if (group) expect(await group.usage()).toMatchObject({ oomKills: 0 });
});

/** A long answer and a long completion, of both of which there is something. */
async function bothUnderWay(started: Sidecar) {
  const answer = chat(started, 400);
  await answer.reached(1);
  const suggestion = complete(started, "one two three", 1500);
  await suggestion.reached(1);
  return { answer, suggestion };
}

describe("turns", () => {
  test("a completion does not wait for the end of an answer, which says the same all the same", async () => {
    const started = await loaded(tinyLlama, small);
    const alone = await chat(started, 24).result;
    const answer = chat(started, 24);
    await answer.reached(2);
    const order: string[] = [];
    void answer.result.then(() => order.push("answer"));
    const suggestions = [complete(started, "def add(a, b):", 12), complete(started, "for i in", 12)];
    for (const { result } of suggestions) {
      expect(await result).toMatchObject({ modelPath: small, finishReason: "length" });
      order.push("suggestion");
    }
    const { modelPath, text, flash } = await answer.result;
    expect(order).toEqual(["suggestion", "suggestion", "answer"]);
    expect({ modelPath, text }).toEqual({ modelPath: tinyLlama, text: alone.text });
    expect(flash.readBytes).toBeGreaterThan(0);
  });

  test("an answer can be stopped while a completion runs, and a completion while an answer does", async () => {
    const started = await loaded(tinyLlama, small);
    const { answer, suggestion } = await bothUnderWay(started);
    answer.cancel();
    expect(await answer.result).toMatchObject({ finishReason: "cancelled" });
    expect(suggestion.text()).not.toBe("");
    suggestion.cancel();
    expect(await suggestion.result).toMatchObject({ finishReason: "cancelled", modelPath: small });
    expect(await chat(started, 2).result).toMatchObject({ modelPath: tinyLlama });
  });

  test("unloading ends both, and both can be loaded again", async () => {
    const started = await loaded(tinyLlama, small);
    const { answer, suggestion } = await bothUnderWay(started);
    await started.connection.sendRequest(unloadRequest);
    expect(await answer.result).toMatchObject({ finishReason: "cancelled" });
    expect(await suggestion.result).toMatchObject({ finishReason: "cancelled" });
    expect(await started.connection.sendRequest(statsRequest)).not.toHaveProperty("inlineModelPath");
    // A completion that comes while they are loaded is the inline model's.
    const again = load(started, arcee, { inlineModelPath: small });
    const { modelPath } = await complete(started, "one two three", 4).result;
    expect(modelPath).toBe(small);
    expect(await again).toMatchObject({ architecture: "arcee", inline: { contextTokens: expect.any(Number) } });
  });
});

test("an inline model that is cut short is told, and the chat model does both", async () => {
  const copy = inCheckout(`build/test-models/inline-${process.pid}.gguf`);
  onTestFinished(() => rm(copy, { force: true }));
  await copyFile(small, copy);
  await truncate(copy, 1_500_000);
  const started = await sidecar();
  const { plan, inline } = await load(started, arcee, { inlineModelPath: copy });
  expect(inline).toBeUndefined();
  expect(plan).toMatchObject({ inlineBytes: 0, inlineRefusal: { reason: expect.stringContaining(copy) } });
  expect(plan?.inlineRefusal?.reason).toMatch(/^No inline model: .+ The chat model does the suggestions\.$/);
  expect(await complete(started, "one two three", 4).result).toMatchObject({ modelPath: arcee });
});
