/** What scripts may rely on: the fields of --json, the streams, the exit status of an interrupted command. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { flint, inCheckout, planModel, report, runModel, runReport, start } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";

let model: string;
beforeAll(async () => {
  model = await syntheticModel("arcee-f16");
});

const greedy = ["--prompt", "Hello", "--tokens", "4", "--ignore-eos", "--context", "512"];

describe("run --json", () => {
  test("prints one object with the fields of the contract, and nothing else", async () => {
    const { minimumCapBytes } = await planModel(model, "--context", "512");
    const ended = await flint("run", model, ...greedy, "--ram-cap", `${minimumCapBytes}`, "--json");
    expect(ended.stderr).toBe("");
    expect(ended.stdout).toMatch(/^[^\n]+\n$/);
    const { tokens, promptTokens, finishReason, plan, memory, msPerToken, tokensPerSecond, flash, ...rest } = report(
      runReport,
      ended,
    );
    expect(basename(rest.model)).toBe(basename(model));
    expect(tokens).toHaveLength(4);
    // The vocabulary asks for a BOS, which is 1.
    expect(promptTokens[0]).toBe(1);
    expect(finishReason).toBe("length");
    expect(plan?.fits).toBe(true);
    expect(memory.capBytes).toBe(minimumCapBytes);
    expect(memory.peakBytes).toBeLessThanOrEqual(minimumCapBytes);
    expect(tokensPerSecond).toBeCloseTo(1000 / msPerToken.mean);
    expect(flash.readBytesPerToken).toBeCloseTo(flash.readBytes / 4);
  });

  test("without flash there is no plan, no cap and nothing read", async () => {
    const { plan, memory, flash } = await runModel(model, ...greedy, "--engine", "stock");
    expect(plan).toBeNull();
    expect(memory.capBytes).toBe(0);
    expect(memory.peakBytes).toBeGreaterThan(0);
    expect(flash).toEqual({ readBytes: 0, readBytesPerToken: 0, wastedBytesPerToken: 0, readsPerToken: 0, hitRate: 1 });
  });

  test("a prompt from a file is the same prompt", async () => {
    const file = inCheckout(`build/test-models/prompt-${process.pid}.txt`);
    await writeFile(file, "Hello");
    const fromFile = await runModel(model, "--prompt-file", file, ...greedy.slice(2));
    const direct = await runModel(model, ...greedy);
    expect(fromFile.promptTokens).toEqual(direct.promptTokens);
    expect(fromFile.tokens).toEqual(direct.tokens);
    await rm(file);
  });

  test("--kv-cache reads a long prompt once, from the system's folder for caches the next time", async () => {
    const folder = await mkdtemp(join(tmpdir(), "flint-kv-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const env = { XDG_CACHE_HOME: folder, LOCALAPPDATA: folder };
    const args = ["run", model, "--prompt", " the".repeat(300), "--tokens", "4", "--context", "512", "--json"];
    const run = async (kvCache: string) =>
      report(runReport, await start([...args, "--kv-cache", kvCache], { env }).ended);
    expect(await run("off")).not.toHaveProperty("cachedPromptTokens");
    const first = await run("1GiB");
    expect(first.cachedPromptTokens).toBe(0);
    const second = await run("1GiB");
    expect(second).toMatchObject({ tokens: first.tokens, cachedPromptTokens: first.promptTokens.length - 1 });
  });

  test("a model's path may be relative", async () => {
    const path = `build/test-models/${basename(model)}`;
    const { tokens } = await runModel(path, ...greedy);
    expect(tokens).toHaveLength(4);
  });
});

test("run prints the text it reports, and what it took on standard error", async () => {
  const { text } = await runModel(model, ...greedy);
  const { status, stdout, stderr } = await flint("run", model, ...greedy);
  expect(status).toBe(0);
  expect(stdout).toBe(`${text}\n`);
  expect(stderr).toMatch(/^4 tokens, [^\n]+\n$/);
});

describe("plan", () => {
  test("--json prints the plan by which run then loads", async () => {
    const { minimumCapBytes } = await planModel(model, "--context", "512");
    const capBytes = minimumCapBytes + 4 * 1024 ** 2;
    const cap = `${capBytes}`;
    const plan = await planModel(model, "--ram-cap", cap, "--context", "512");
    const run = await runModel(model, ...greedy, "--ram-cap", cap);
    // What is measured differs each time.
    const decided = { ...plan, estimatedTokensPerSecond: expect.any(Number), measured: expect.anything() };
    expect(run.plan).toEqual(decided);
    const { weights } = plan;
    expect(weights.streamedBytes).toBeGreaterThan(0);
    const inMemory = weights.residentBytes + weights.pinnedBytes + weights.expertCacheBytes + weights.neuronCacheBytes;
    const sum = inMemory + plan.kvBytes + plan.computeBytes + plan.stagingBytes + plan.processBytes;
    expect(sum).toBeLessThanOrEqual(capBytes);
  });

  test("all of a model that fits is in memory", async () => {
    const { fits, weights, reason } = await planModel(model, "--ram-cap", "4GiB");
    expect(fits).toBe(true);
    expect(weights.streamedBytes).toBe(0);
    expect(reason).toBeUndefined();
  });

  test("a larger context never needs less", async () => {
    const minimums: number[] = [];
    for (const context of ["256", "1024", "4096"]) {
      minimums.push((await planModel(model, "--context", context)).minimumCapBytes);
    }
    expect(minimums).toEqual([...minimums].sort((a, b) => a - b));
    expect(new Set(minimums).size).toBeGreaterThan(1);
  });
});

describe("an interrupted run", () => {
  const endless = ["--prompt", "Hello", "--ignore-eos", "--context", "4096"];

  test("prints what it has and ends with status 130", async () => {
    const running = start(["run", model, ...endless]);
    await once(running.process.stdout, "data");
    running.process.kill("SIGINT");
    const { status, signal, stdout, stderr } = await running.ended;
    expect({ status, signal }).toEqual({ status: 130, signal: null });
    expect(stdout).not.toBe("");
    expect(stderr).not.toMatch(/error|flint:|\bat .+:\d+/i);
  });

  test("from a terminal, where the engine is interrupted as well, ends with status 130", async () => {
    const running = start(["run", model, ...endless], { ownGroup: true });
    await once(running.process.stdout, "data");
    process.kill(-(running.process.pid ?? 0), "SIGINT");
    const { status, signal, stderr } = await running.ended;
    expect({ status, signal }).toEqual({ status: 130, signal: null });
    expect(stderr).not.toMatch(/error|flint:|\bat .+:\d+/i);
  });

  test("before the engine is there, does not run all the same", async () => {
    // The command opens the pipe when it has begun, and then starts the engine: an event without a moment to guess.
    const pipe = inCheckout(`build/test-models/prompt-${process.pid}.pipe`);
    await promisify(execFile)("mkfifo", [pipe]);
    const args = ["--prompt-file", pipe, "--tokens", "64", "--ignore-eos", "--context", "512", "--json"];
    const running = start(["run", model, ...args]);
    const writer = await open(pipe, "w");
    running.process.kill("SIGINT");
    await writer.writeFile("Hello");
    await writer.close();
    const { status, signal, stdout } = await running.ended;
    await rm(pipe);
    expect({ status, signal }).toEqual({ status: 130, signal: null });
    if (stdout !== "") {
      const { finishReason, tokens } = runReport.parse(JSON.parse(stdout));
      expect({ finishReason, tokens }).toEqual({ finishReason: "cancelled", tokens: [] });
    }
  });
});
