/** A converted model: what it says, what it costs, what it reads, and what happens when something is wrong. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { costInWords, predictionCost } from "../../models/library/conversion.js";
import { runPlain } from "../support/cpuLibraries.js";
import { flint, inCheckout, planModel, report, runModel, start } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { load, sidecar } from "../support/sidecar.js";

const source = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");
const folder = inCheckout(`build/test-models/converted-${process.pid}`);
const name = "flint-tiny-relu2-f16-flash";
const model = `${folder}/${name}.gguf`;
const store = `${folder}/${name}.flash`;

const share = z.number().min(0).max(1);
const convertReport = z.strictObject({
  modelPath: z.string(),
  storePath: z.string(),
  modelBytes: z.int().positive(),
  storeBytes: z.int().positive(),
  verifiedTokens: z.int().positive(),
  equalTokens: z.int().nonnegative(),
  densePerplexity: z.number().positive(),
  predictPerplexity: z.number().positive(),
  layers: z.array(
    z.strictObject({
      layer: z.int().nonnegative(),
      neurons: z.int().positive(),
      rank: z.int().positive(),
      predictorBytes: z.int().positive(),
      active: share,
      predicted: share,
      recall: share,
      precision: share,
      energy: share,
      downError: z.number().nonnegative(),
    }),
  ),
});
const textReport = z.looseObject({ perplexity: z.number(), accuracy: z.number(), tokens: z.number() });

const convert = async (...args: string[]) => report(convertReport, await flint("convert", ...args, "--json"));

let converted: z.infer<typeof convertReport>;
beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  converted = await convert(source, "--out", folder);
});
afterAll(() => rm(folder, { recursive: true }));

const greedy = ["--prompt", "/** Returns", "--tokens", "256", "--ignore-eos"];
const shorter = ["--prompt", "/** Returns", "--tokens", "64", "--ignore-eos"];

test("convert reports what it wrote and found", async () => {
  expect(converted).toMatchObject({ modelPath: model, storePath: store, verifiedTokens: 64, equalTokens: 64 });
  expect((await stat(store)).size).toBe(converted.storeBytes);
  // The down matrices are holes: five of 2304 × 384 numbers of 16 bits.
  const { size, blocks } = await stat(model);
  expect(size - blocks * 512).toBeGreaterThan(0.9 * 5 * 2304 * 384 * 2);
  expect(await readdir(folder)).toEqual([`${name}.flash`, `${name}.gguf`]);
  // As the model's card says, of other text: 44, 1, 10, 18 and 33%.
  const active = converted.layers.map((layer) => Math.round(100 * layer.active));
  expect(active[1]).toBeLessThan(5);
  expect(active[0]).toBeGreaterThan(30);
  for (const layer of converted.layers) {
    expect(layer.downError).toBe(0);
    expect(layer.energy).toBeGreaterThan(0.99);
  }
});

describe("exact", () => {
  test("says 256 tokens as the source does, and reads what they need", async () => {
    const stock = await runPlain(source, ...greedy);
    const { minimumCapBytes } = await planModel(model);
    expect(new Set(stock.tokens).size).toBeGreaterThan(16);
    // Nothing is kept: what is active is read for every token.
    const exact = await runModel(model, ...shorter, "--ram-cap", `${minimumCapBytes}`);
    expect(exact.tokens).toEqual(stock.tokens.slice(0, 64));
    expect(exact.memory.peakBytes).toBeLessThanOrEqual(minimumCapBytes);
    expect(exact.flash.readBytes).toBeGreaterThan(0);
    // With room for all neurons, each is read once, with some of those that lie between.
    const roomy = await runModel(model, ...greedy);
    expect(roomy.tokens).toEqual(stock.tokens);
    expect(roomy.flash.readBytes).toBeLessThan(4 * 5 * 2304 * 384 * 2);
    expect(roomy.plan?.weights.neuronCacheBytes).toBe(5 * 2304 * 384 * 2);
  });

  test("leaves out nothing that dense computes", async () => {
    const dense = await runModel(model, ...shorter, "--sparsity", "dense");
    const exact = await runModel(model, ...shorter, "--sparsity", "exact");
    expect(exact.tokens).toEqual(dense.tokens);
    // The same sums, but for the neurons that add nothing.
    expect(exact.flash.hitRate).toBeLessThanOrEqual(1);
  });
});

test("flash attention stays on, though our device computes it", async () => {
  const log: string[] = [];
  const started = await sidecar((line) => log.push(line));
  const { plan } = await load(started, model);
  expect(plan?.weights.streamedBytes).toBe(0);
  expect(plan?.weights.pinnedBytes).toBeGreaterThan(0);
  expect(plan?.weights.neuronCacheBytes).toBeGreaterThan(0);
  // It warns when its detection finds attention on a device of ours, and turns it off.
  expect(log.filter((line) => /flash attention/i.test(line))).toEqual([]);
});

test.for([
  ["arcee-sparse", 0.2],
  ["nemotron-sparse", 0.2],
  ["jais2-sparse", 0.25],
  ["plm-f16", 0.55],
] as const)("%s leaves out nothing, and says what its source says", async ([shape, mostActive]) => {
  const original = await syntheticModel(shape);
  const { modelPath, equalTokens, layers, densePerplexity, predictPerplexity } = await convert(
    original,
    "--out",
    `${folder}/${shape}`,
  );
  expect(equalTokens).toBe(64);
  for (const { active, predicted } of layers) {
    expect(active).toBeGreaterThan(0.05);
    expect(active).toBeLessThan(mostActive);
    expect(predicted).toBeLessThan(1.2 * active);
  }
  expect(Math.abs(predictPerplexity / densePerplexity - 1)).toBeLessThan(0.02);
  const stock = await runPlain(original, ...shorter);
  const exact = await runModel(modelPath, ...greedy);
  const dense = await runModel(modelPath, ...greedy, "--sparsity", "dense");
  expect(exact.tokens).toEqual(dense.tokens);
  // Sums in another order than llama.cpp's: of random weights, tokens may be so close that it decides, sooner or later.
  expect(exact.tokens.slice(0, 64)).toEqual(stock.tokens);
  expect(new Set(exact.tokens).size).toBeGreaterThan(8);
});

test("what predict costs is said where it is switched on, as it was measured", async () => {
  const cost = converted.predictPerplexity / converted.densePerplexity - 1;
  expect(await predictionCost(model)).toBeCloseTo(cost, 5);
  expect(await predictionCost(source)).toBeUndefined();
  const run = await flint("run", model, "--prompt", "import", "--tokens", "2", "--sparsity", "predict");
  expect(run).toMatchObject({ status: 0, stderr: expect.stringContaining(costInWords(cost)) });
  const exact = await flint("run", model, "--prompt", "import", "--tokens", "2");
  expect(exact.stderr).not.toContain("perplexity");
});

test("predict costs less than 1% perplexity and half a point of accuracy, on code it has not seen", async () => {
  const text = `${folder}/code.ts`;
  const code = await readFile(inCheckout("protocol/messages.ts"), "utf8");
  await writeFile(text, code.slice(0, 8000));
  const evaluate = async (...args: string[]) =>
    report(textReport, await flint("eval", ...args, "--text", text, "--json"));
  const dense = await evaluate(source, "--engine", "stock");
  const exact = await evaluate(model);
  const predict = await evaluate(model, "--sparsity", "predict");
  await rm(text);
  expect(exact.perplexity / dense.perplexity).toBeCloseTo(1, 4);
  expect(predict.perplexity / dense.perplexity).toBeLessThan(1.01);
  expect(predict.accuracy).toBeGreaterThan(dense.accuracy - 0.005);
  // It does leave something out.
  expect(predict.perplexity).not.toBe(exact.perplexity);
});

describe("a store that is not what it was", () => {
  /** Runs the model with one byte of a copy of its store changed. */
  async function withByteChanged(offset: number, ...args: string[]) {
    const copies = `${folder}/copy`;
    await mkdir(copies);
    try {
      await copyFile(model, `${copies}/${name}.gguf`);
      await copyFile(store, `${copies}/${name}.flash`);
      const file = await open(`${copies}/${name}.flash`, "r+");
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, offset);
      byte.writeUInt8(byte.readUInt8() ^ 1);
      await file.write(byte, 0, 1, offset);
      await file.close();
      return await flint("run", `${copies}/${name}.gguf`, "--prompt", "import", "--tokens", "8", ...args);
    } finally {
      await rm(copies, { recursive: true });
    }
  }

  test("is refused, and the damage named", async () => {
    // The list of layers follows 48 bytes of header; the bundles of the first begin at the next multiple of 4096.
    for (const [offset, words] of [
      [0, "is damaged: it is no store"],
      [8, "has version"],
      [20, "is damaged: its header"],
      [60, "is damaged: its list of layers"],
      [converted.storeBytes - 8192, "is damaged: the predictor and checksums of layer 4"],
    ] as const) {
      const { status, stderr } = await withByteChanged(offset);
      expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringContaining(words) });
    }
  });

  test("is noticed when a neuron is read", async () => {
    const { status, stderr } = await withByteChanged(4096 + 1536 + 768, "--sparsity", "dense");
    expect({ status, stderr }).toEqual({ status: 5, stderr: expect.stringContaining("neuron 1 of layer 0") });
  });

  test("is missed", async () => {
    const other = `${folder}/elsewhere`;
    await mkdir(other);
    await copyFile(model, `${other}/${name}.gguf`);
    const { status, stderr } = await flint("plan", `${other}/${name}.gguf`);
    expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringContaining("is missing") });
    await rm(other, { recursive: true });
  });
});

describe("convert refuses", () => {
  test("a model without ReLU, and one that is converted", async () => {
    for (const [path, words] of [
      [await syntheticModel("llama-iq4_xs"), "squared ReLU"],
      [model, "converted already"],
    ] as const) {
      const { status, stderr } = await flint("convert", path, "--out", `${folder}/refused`);
      expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringContaining(words) });
    }
    expect(await readdir(`${folder}/refused`)).toEqual([]);
    await rm(`${folder}/refused`, { recursive: true });
  });

  test.skipIf(process.getuid?.() !== 0)("to begin where the disk is too full, and says by how much", async () => {
    const disk = `${folder}/small disk`;
    await mkdir(disk);
    await promisify(execFile)("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", disk]);
    try {
      const { status, stderr } = await flint("convert", source, "--out", disk);
      expect({ status, stderr }).toEqual({ status: 5, stderr: expect.stringContaining("is too full") });
      // The skeleton without its down matrices, and the store; what is there already is not needed again.
      const needed = (converted.modelBytes + converted.storeBytes) / 1024 ** 2;
      const [, all, more] = /: (\d+) MiB are needed, (\d+) MiB more than there are/.exec(stderr) ?? [];
      expect(Math.abs(Number(all) - needed)).toBeLessThanOrEqual(1);
      expect(Math.abs(Number(more) - (needed - 16))).toBeLessThanOrEqual(1);
      expect((await readdir(disk)).filter((entry) => !entry.startsWith("."))).toEqual([]);
    } finally {
      await promisify(execFile)("umount", [disk]);
      await rm(disk, { recursive: true });
    }
  });

  test("to predict with a model that is not converted", async () => {
    const { status, stderr } = await flint("run", source, "--prompt", "a", "--tokens", "1", "--sparsity", "predict");
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining("flint convert") });
  });
});

test("a conversion that is interrupted leaves nothing under a final name", async () => {
  const out = `${folder}/interrupted`;
  await mkdir(out);
  // The command opens the pipe when it has begun, and waits for the text: an event without a moment to guess.
  const pipe = `${folder}/calibration.pipe`;
  await promisify(execFile)("mkfifo", [pipe]);
  const running = start(["convert", source, "--out", out, "--calibrate", pipe]);
  const writer = await open(pipe, "w");
  running.process.kill("SIGINT");
  expect((await running.ended).status).toBe(130);
  await writer.close();
  expect(await readdir(out)).toEqual([]);
});

test("a conversion that fails at its end goes on from there the next time", async () => {
  const out = `${folder}/again`;
  const quantized = `${name.replace("-flash", "")}-Q8_0-flash`;
  // Enough for few tokens of the calibration text, which take less time: three conversions are made of it.
  const arguments_ = [source, "--out", out, "--quantize", "Q8_0", "--ram-cap", "320MiB"];
  // Where the model should be is a folder that is not empty.
  await mkdir(`${out}/${quantized}.gguf/in the way`, { recursive: true });
  const failed = await flint("convert", ...arguments_);
  expect(failed).toMatchObject({ status: 5, stderr: expect.stringContaining("cannot write") });
  expect(await readdir(out)).toEqual([`.${quantized}.part`, `${quantized}.gguf`]);
  await rm(`${out}/${quantized}.gguf`, { recursive: true });

  // It goes on with the layers that are there: damage to one is found when the result is compared, and then it is not
  // gone on with again.
  const file = await open(`${out}/.${quantized}.part/${quantized}.flash`, "r+");
  await file.write(Buffer.alloc(384, 0x55), 0, 384, 4096);
  await file.close();
  const damaged = await flint("convert", ...arguments_);
  expect(damaged).toMatchObject({ status: 1, stderr: expect.stringContaining("of layer 0") });

  const result = await convert(...arguments_);
  expect(await readdir(out)).toEqual([`${quantized}.flash`, `${quantized}.gguf`]);
  expect(result.equalTokens).toBeGreaterThanOrEqual(56);
  // Eight bits, with a scale for 32 numbers: steps of 1/127 of the largest of them.
  for (const layer of result.layers) {
    expect(layer.downError).toBeGreaterThan(0.0005);
    expect(layer.downError).toBeLessThan(0.01);
  }
});
