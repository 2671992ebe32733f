/** `flint …` of the VSIX for Windows in wine, beside that of Linux. */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { doneBytes } from "../../models/download.js";
import { Model } from "../../models/library/model.js";
import { starterModel } from "../../scripts/starter-model.mjs";
import { chatModel } from "../support/chatModel.js";
import { flint, inCheckout, planReport, report, runReport } from "../support/flint.js";
import { startHubServer } from "../support/hubServer.js";
import { type ShapeName, syntheticModel } from "../support/models.js";
import {
  hostPath,
  startWindowsFlint,
  windowsFlint,
  windowsPath,
  windowsShare,
  windowsTemporaryFolder,
} from "../support/wine.js";

const generation = ["--prompt", "The quick brown fox", "--tokens", "12", "--ignore-eos", "--context", "256", "--json"];
const mebibyte = 1024 ** 2;

/** The smallest cap, with which the most is read from the disk. */
async function smallestCap(modelPath: string): Promise<string> {
  const args = ["plan", windowsPath(modelPath), "--ram-cap", "1TiB", "--context", "256", "--json"];
  const { minimumCapBytes } = report(planReport, await windowsFlint(args));
  return `${Math.ceil(minimumCapBytes / mebibyte)}MiB`;
}

const runThere = async (modelPath: string, ...args: string[]) =>
  report(runReport, await windowsFlint(["run", windowsPath(modelPath), ...generation, ...args]));
const runHere = async (modelPath: string, ...args: string[]) =>
  report(runReport, await flint("run", modelPath, ...generation, ...args));

/** Streamed, and in the bits of stock llama.cpp on the same system. */
async function streamedAsStock(modelPath: string, ...args: string[]): Promise<number[]> {
  const streamed = await runThere(modelPath, "--ram-cap", await smallestCap(modelPath), ...args);
  expect(streamed.flash.readBytes).toBeGreaterThan(0);
  expect(streamed.tokens).toHaveLength(12);
  expect(new Set(streamed.tokens).size).toBeGreaterThan(3);
  expect((await runThere(modelPath, "--engine", "stock", ...args)).tokens).toEqual(streamed.tokens);
  return streamed.tokens;
}

describe("streamed: the tokens of stock llama.cpp", () => {
  test.each<ShapeName>(["llama-iq4_xs", "arcee-f16"])("%s: and of Linux", async (shape) => {
    const model = await syntheticModel(shape);
    expect(await streamedAsStock(model)).toEqual((await runHere(model)).tokens);
  });

  // Of random weights tokens are nearly as likely as others: stock llama.cpp, too, gives others on Windows and on Linux.
  test("a mixture of experts", async () => {
    await streamedAsStock(await syntheticModel("qwen3moe-iq4_xs"));
  });

  test("a conversation", async () => {
    await streamedAsStock(await chatModel(), "--chat");
  });
});

test("a real model: the tokens of Linux, also between text before and after the cursor", async () => {
  const model = await starterModel();
  const suffix = path.join(await scratch("Nach dem Cursor"), "後.txt");
  await writeFile(suffix, "\n    return total\n");
  const few = ["--tokens", "8", "--ram-cap", "450MiB", "--prompt", "def add(numbers):\n    total = 0\n"];
  const there = await runThere(model, ...few, "--suffix-file", windowsPath(suffix));
  expect(there.flash.readBytes).toBeGreaterThan(0);
  expect(there.tokens).toEqual((await runHere(model, ...few, "--suffix-file", suffix)).tokens);
});

test("a split model, streamed", async () => {
  const whole = await syntheticModel("llama-iq4_xs");
  const parts = await syntheticModel("llama-iq4_xs", 3);
  const cap = await smallestCap(parts);
  expect((await runThere(parts, "--ram-cap", cap)).tokens).toEqual((await runHere(whole)).tokens);
});

test("a model is converted, and gives the tokens of one converted on Linux", async () => {
  const folder = await scratch("Überführung 转换");
  const [there, here] = [path.join(folder, "Windows"), path.join(folder, "Linux")];
  const fixture = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");
  const converted = z.looseObject({ modelPath: z.string() });
  const args = (model: string, out: string) => ["convert", model, "--out", out, "--json"];
  const onWindows = report(converted, await windowsFlint(args(windowsPath(fixture), windowsPath(there))));
  const onLinux = report(converted, await flint(...args(fixture, here)));
  const cap = await smallestCap(hostPath(onWindows.modelPath));
  const tokens = (await runThere(hostPath(onWindows.modelPath), "--ram-cap", cap)).tokens;
  expect(tokens).toEqual((await runHere(onLinux.modelPath, "--ram-cap", cap)).tokens);
  expect(tokens).toEqual((await runHere(hostPath(onWindows.modelPath), "--ram-cap", cap)).tokens);
});

describe("a download", () => {
  const network = { NODE_OPTIONS: `--import file:///Z:${inCheckout("test/support/wineNetwork.mjs")}` };
  const content = Buffer.concat([Buffer.from("GGUF"), randomBytes(6_000_000)]);

  test("that was killed resumes, and ends with the right bytes", async () => {
    const name = "model-Q4_K_M.gguf";
    const folder = await scratch("Geladenes 下载");
    const hub = await startHubServer({ [name]: content });
    onTestFinished(() => hub.close());
    const command = ["download", "owner/model", "--dir", windowsPath(folder), "--json"];
    const env = { HF_ENDPOINT: hub.endpoint, ...network };
    hub.fault = () => ({ stallAfter: 1_500_000 });
    const first = await startWindowsFlint(command, env);
    const done = async () => {
      const record = await new Model(folder, name).readRecord();
      return record ? doneBytes(record) : 0;
    };
    await vi.waitFor(async () => expect(await done()).toBeGreaterThan(1_000_000), { timeout: 120_000 });
    first.process.kill("SIGKILL");
    await first.ended;
    hub.fault = () => undefined;
    const downloaded = z.looseObject({ path: z.string(), resumedBytes: z.number() });
    const { path: file, resumedBytes } = report(downloaded, await windowsFlint(command, env));
    expect(resumedBytes).toBeGreaterThan(1_000_000);
    expect((await readFile(hostPath(file))).equals(content)).toBe(true);
  });

  test("of a file with a name that Windows keeps for a device gets another", async () => {
    const folder = await scratch("Namen");
    const hub = await startHubServer({ "con.gguf": content });
    onTestFinished(() => hub.close());
    const command = ["download", "owner/model", "--dir", windowsPath(folder), "--json"];
    report(z.looseObject({}), await windowsFlint(command, { HF_ENDPOINT: hub.endpoint, ...network }));
    const names = (await readdir(folder)).filter((name) => name.endsWith(".gguf"));
    expect(names).toHaveLength(1);
    expect(names[0]).not.toMatch(/^con\./i);
  });
});

describe("a model's path", () => {
  test.each<[string, (file: string) => string]>([
    ["with a drive letter", windowsPath],
    ["said to the letter", (file) => `\\\\?\\${windowsPath(file)}`],
    ["with slashes", (file) => `Z:${file}`],
  ])("may be %s", async (_, named) => {
    const model = await syntheticModel("llama-iq4_xs");
    const cap = await smallestCap(model);
    const args = ["run", named(model), ...generation, "--ram-cap", cap];
    expect(report(runReport, await windowsFlint(args)).tokens).toHaveLength(12);
  });

  test("may be that of another machine", async () => {
    const model = await syntheticModel("llama-iq4_xs");
    const file = `${await windowsShare(path.dirname(model))}\\${path.basename(model)}`;
    const args = ["run", file, ...generation, "--ram-cap", await smallestCap(model)];
    expect(report(runReport, await windowsFlint(args)).tokens).toHaveLength(12);
  });

  test("may be longer than Windows allows by default", async () => {
    const folder = path.join(await scratch("lang"), ...Array.from({ length: 4 }, () => "Ordner-文件夹".repeat(8)));
    await mkdir(folder, { recursive: true });
    const model = path.join(folder, "model.gguf");
    await copyFile(await syntheticModel("llama-iq4_xs"), model);
    expect(windowsPath(model).length).toBeGreaterThan(300);
    expect((await runThere(model, "--ram-cap", await smallestCap(model))).tokens).toHaveLength(12);
  });

  test("that is missing is told in words", async () => {
    const { status, stderr } = await windowsFlint(["plan", "Z:\\nichts\\模型.gguf"]);
    expect(status).toBe(4);
    expect(stderr).toContain("模型.gguf");
  });
});

test("a skeleton leaves nothing in the folder for temporary files, nor what a killed process left there", async () => {
  const folder = await windowsTemporaryFolder();
  await writeFile(path.join(folder, "flint-skeleton-1-1.gguf"), "of a process that was killed");
  await streamedAsStock(await syntheticModel("llama-iq4_xs"));
  expect((await readdir(folder)).filter((name) => name.startsWith("flint-skeleton-"))).toEqual([]);
});

/** A folder of this name, which is gone after the test. */
async function scratch(name: string): Promise<string> {
  const parent = await mkdtemp(inCheckout("build/windows/scratch-"));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const folder = path.join(parent, name);
  await mkdir(folder);
  return folder;
}
