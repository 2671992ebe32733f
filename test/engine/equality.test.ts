/** The promise behind everything else: a model that is read from flash says what it says from memory. */
import { describe, expect, test } from "vitest";
import { starterModel } from "../../scripts/starter-model.mjs";
import { type CpuLibrary, cpuLibraries, onlyWith, plainWeights } from "../support/cpuLibraries.js";
import { planModel, report, runReport, start } from "../support/flint.js";
import { type ShapeName, syntheticModel } from "../support/models.js";

const prompt = "The lighthouse keeper opened the old logbook and began to read:";
const greedy = ["--prompt", prompt, "--ignore-eos", "--context", "512"];

/** For stock llama.cpp, whose threads wait for one another by spinning. How many there are changes no bits. */
const oneThread = ["--threads", "1"];
const libraries = await cpuLibraries();
const run = async (model: string, args: readonly string[], env: NodeJS.ProcessEnv) =>
  report(runReport, await start(["run", model, ...greedy, ...args, "--json"], { env }).ended);

const caps = new Map<string, Promise<number>>();
/** Planned once for a model: no CPU library changes it. */
function smallestCap(model: string): Promise<number> {
  const known = caps.get(model) ?? planModel(model, "--context", "512").then((plan) => plan.minimumCapBytes);
  caps.set(model, known);
  return known;
}

/**
 * The same prompt in memory and from flash, under the smallest cap that works. Of so few tokens, rows are multiplied as
 * they are in the file; so stock llama.cpp has them so too. By itself it lays them out anew where the processor has
 * kernels for that, which differ in the last bits of a sum and with them, in time, in a token.
 */
async function compare(model: string, { library, tokens = 64 }: { library?: CpuLibrary; tokens?: number } = {}) {
  const minimumCapBytes = await smallestCap(model);
  const length = ["--tokens", `${tokens}`];
  const plain = library ? onlyWith(library, plainWeights) : { LD_PRELOAD: plainWeights };
  const stock = await run(model, [...length, "--engine", "stock", ...oneThread], plain);
  const flash = await run(model, [...length, "--ram-cap", `${minimumCapBytes}`], library ? onlyWith(library) : {});
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
    const { stock, flash } = await compare(await starterModel(), { tokens: 24 });
    expect(flash.tokens).toEqual(stock.tokens);
  });

  test.each(libraries)("on ggml's library for $name", async (library) => {
    const { stock, flash } = await compare(await syntheticModel("llama-iq4_xs"), { library });
    expect(flash.tokens).toEqual(stock.tokens);
  });
});
