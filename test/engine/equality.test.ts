/** The promise behind everything else: a model that is read from flash says what it says from memory. */
import { describe, expect, test } from "vitest";
import { starterModel } from "../../scripts/starter-model.mjs";
import { inCheckout, planModel, report, runModel, runReport, start } from "./support/flint.js";
import { type ShapeName, syntheticModel } from "./support/models.js";

const prompt = "The lighthouse keeper opened the old logbook and began to read:";
const greedy = ["--prompt", prompt, "--ignore-eos", "--context", "512"];

const tokens = 64;
const length = ["--tokens", `${tokens}`];
/** Keeps stock llama.cpp from laying weights out anew, which changes last bits on some processors. */
const plainWeights = { LD_PRELOAD: inCheckout("build/native/native-tests/libflint-plain-weights.so") };

/** The same prompt in memory and from flash, under the smallest cap that works. */
async function compare(model: string, env: NodeJS.ProcessEnv = {}) {
  const { minimumCapBytes } = await planModel(model, "--context", "512");
  const { ended } = start(["run", model, ...greedy, ...length, "--engine", "stock", "--json"], { env });
  const stock = report(runReport, await ended);
  const flash = await runModel(model, ...greedy, ...length, "--ram-cap", `${minimumCapBytes}`);
  const streamedBytes = flash.plan?.weights.streamedBytes ?? 0;
  expect(streamedBytes).toBeGreaterThan(0);
  // The prompt is a pass over what is streamed, and so is every token; guesses make one of eight at most.
  expect(flash.flash.readBytes).toBeGreaterThanOrEqual((1 + (tokens - 1) / 8) * streamedBytes);
  expect(stock.flash.readBytes).toBe(0);
  expect(flash.tokens).toHaveLength(tokens);
  expect(stock.tokens).toHaveLength(tokens);
  expect(flash.promptTokens).toEqual(stock.promptTokens);
  expect(flash.memory.peakBytes).toBeLessThanOrEqual(minimumCapBytes);
  return { stock, flash };
}

describe("flash generates the tokens of stock llama.cpp", () => {
  test.each<ShapeName>(["llama-iq4_xs", "qwen2-q5_0", "arcee-f16", "qwen3moe-iq4_xs"])("%s", async (name) => {
    const { stock, flash } = await compare(await syntheticModel(name));
    expect(flash.tokens).toEqual(stock.tokens);
    expect(flash.text).toBe(stock.text);
    // A model that repeats one token would be equal to itself whatever is computed.
    expect(new Set(flash.tokens).size).toBeGreaterThanOrEqual(8);
  });

  test.each<ShapeName>(["llama-iq4_xs", "qwen3moe-iq4_xs"])("%s, in three files", async (name) => {
    const { stock, flash } = await compare(await syntheticModel(name, 3));
    expect(flash.tokens).toEqual(stock.tokens);
  });

  test("TinyLlama", async () => {
    // A part of its weights is Q2_K, which some processors compute in another order from other layouts.
    const { stock, flash } = await compare(await starterModel(), plainWeights);
    expect(flash.tokens).toEqual(stock.tokens);
  });
});
