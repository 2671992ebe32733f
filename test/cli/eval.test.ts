/** What `flint eval` measures, on a model that was trained on code. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { flashReport, flint, inCheckout, report } from "../support/flint.js";

const model = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");
const folder = inCheckout("build/test-models");
const files: string[] = [];

async function textFile(name: string, content: string): Promise<string> {
  const path = `${folder}/${name}-${process.pid}`;
  await mkdir(folder, { recursive: true });
  await writeFile(path, content);
  files.push(path);
  return path;
}

const share = z.number().min(0).max(1);
const textReport = z.strictObject({
  perplexity: z.number().positive(),
  accuracy: share,
  tokens: z.int().positive(),
  bytes: z.int().positive(),
  flash: flashReport,
});
const infillReport = z.strictObject({ exactMatch: share, cases: z.int().positive(), flash: flashReport });

const evaluateText = async (path: string, ...args: string[]) =>
  report(textReport, await flint("eval", model, "--text", path, ...args, "--json"));

/** Code that the model has not seen: it is ours. */
let code: string;
let codeFile: string;
beforeAll(async () => {
  code = (await readFile(inCheckout("engine-native/sidecar/engine.ts"), "utf8")).slice(0, 6000);
  codeFile = await textFile("code.ts", code);
});
afterAll(() => Promise.all(files.map((file) => rm(file))));

describe("eval --text", () => {
  test("says the same of both engines, and tells code from noise", async () => {
    const stock = await evaluateText(codeFile, "--engine", "stock");
    const ours = await evaluateText(codeFile);
    expect(ours.tokens).toBe(stock.tokens);
    expect(ours.perplexity / stock.perplexity).toBeCloseTo(1, 4);
    expect(ours.accuracy).toBeCloseTo(stock.accuracy, 2);
    // All tokens but the first of each window of 512.
    expect(stock.bytes).toBeGreaterThan(code.length * 0.95);
    expect(stock.bytes).toBeLessThan(code.length);
    expect(stock.perplexity).toBeLessThan(40);
    expect(stock.accuracy).toBeGreaterThan(0.3);

    const backwards = await textFile("backwards.ts", [...code].reverse().join(""));
    const noise = await evaluateText(backwards, "--engine", "stock");
    expect(noise.perplexity).toBeGreaterThan(4 * stock.perplexity);
    expect(noise.accuracy).toBeLessThan(stock.accuracy);
  });

  test("refuses a text that has nothing to predict", async () => {
    const empty = await textFile("empty.ts", "");
    const { status, stderr } = await flint("eval", model, "--text", empty);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining("too short") });
  });
});

describe("eval --infill", () => {
  test("counts the cases that were written exactly", async () => {
    const gap = { prefix: "import os\nimport ", suffix: ");\n", language: "python" };
    const prompt = await textFile("prefix", gap.prefix);
    const suffix = await textFile("suffix", gap.suffix);
    const run = await flint("run", model, "--prompt-file", prompt, "--suffix-file", suffix, "--tokens", "48");
    // The model goes on after the line; of a middle of one line only the first counts.
    const [line = "", ...more] = run.stdout.split("\n");
    expect(line).not.toBe("");
    expect(more.length).toBeGreaterThan(1);
    const cases = [
      { ...gap, middle: line },
      { ...gap, middle: `${line}?` },
    ];
    const file = await textFile("cases.jsonl", `${cases.map((each) => JSON.stringify(each)).join("\n")}\n\n`);
    const result = report(infillReport, await flint("eval", model, "--infill", file, "--json"));
    expect(result).toMatchObject({ exactMatch: 0.5, cases: 2 });
  });

  test("names the line that is no case", async () => {
    const file = await textFile("broken.jsonl", '{"prefix":"a","suffix":"b","middle":"c"}\n{"prefix":1}\n');
    const { status, stderr } = await flint("eval", model, "--infill", file);
    expect(status).toBe(2);
    expect(stderr).toContain("line 2");
  });
});

test("eval wants either a text or cases", async () => {
  expect((await flint("eval", model)).status).toBe(2);
  expect((await flint("eval", model, "--text", "a", "--infill", "b")).status).toBe(2);
});
