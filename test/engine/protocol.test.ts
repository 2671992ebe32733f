/** The contract of protocol/messages.ts, with the built sidecar and real models. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CancellationTokenSource, ResponseError } from "vscode-jsonrpc/node";
import type { Sidecar } from "../../protocol/client.js";
import {
  type ChatParams,
  type CompleteParams,
  chatRequest,
  completeRequest,
  countPromptTokensRequest,
  countTokensRequest,
  ErrorCode,
  initializeRequest,
  type LoadProgress,
  loadProgress,
  loadRequest,
  planRequest,
  protocolVersion,
  shutdownRequest,
  stateNotification,
  statsRequest,
  unloadRequest,
} from "../../protocol/messages.js";
import { starterModel } from "../../scripts/starter-model.mjs";
import { inCheckout } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { load, sidecar, sidecarScript, uninitializedSidecar, watch } from "../support/sidecar.js";

let synthetic: string;
let tinyLlama: string;
beforeAll(async () => {
  synthetic = await syntheticModel("arcee-f16");
  tinyLlama = await starterModel();
});

/** The smallest cap: what can be streamed is. */
async function smallestCap({ connection }: Sidecar, modelPath: string): Promise<number> {
  const plan = await connection.sendRequest(planRequest, { modelPath, ramCapBytes: 1024 ** 4, contextTokens: 512 });
  return plan.minimumCapBytes;
}

/** A sidecar with a model of which all that can be is on flash. */
async function streaming(modelPath: string): Promise<Sidecar> {
  const started = await sidecar();
  await load(started, modelPath, { ramCapBytes: await smallestCap(started, modelPath) });
  return started;
}

const complete = (started: Sidecar, params: CompleteParams) =>
  watch(started, (progressToken, token) =>
    started.connection.sendRequest(completeRequest, { ...params, progressToken }, token),
  );
const chat = (started: Sidecar, params: ChatParams) =>
  watch(started, (progressToken, token) =>
    started.connection.sendRequest(chatRequest, { ...params, progressToken }, token),
  );
const ask = (text: string): ChatParams["messages"] => [{ role: "user", text }];

/** What the sidecar says of itself, in order. */
function states({ connection }: Sidecar): string[] {
  const seen: string[] = [];
  connection.onNotification(stateNotification, ({ state }) => {
    seen.push(state);
  });
  return seen;
}

async function refusal(answer: Promise<unknown>): Promise<number> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ResponseError)) throw new Error(`refused with ${error}`);
  expect(error.message).toMatch(/^\S[^\n]*\S$/);
  return error.code;
}

describe("starting", () => {
  test("a client of another version is refused", async () => {
    const { connection } = uninitializedSidecar();
    const other = { protocolVersion: protocolVersion + 1 };
    expect(await refusal(connection.sendRequest(initializeRequest, other))).toBe(ErrorCode.InvalidState);
    // It is still not initialized, and can be.
    expect(await refusal(connection.sendRequest(statsRequest))).toBe(ErrorCode.InvalidState);
    const { version } = await connection.sendRequest(initializeRequest, { protocolVersion });
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test("nothing is answered before initialize", async () => {
    const { connection } = uninitializedSidecar();
    const modelPath = synthetic;
    const ramCapBytes = 1024 ** 3;
    const requests = [
      connection.sendRequest(planRequest, { modelPath, ramCapBytes }),
      connection.sendRequest(loadRequest, { modelPath, ramCapBytes, engine: "flash" }),
      connection.sendRequest(chatRequest, { messages: ask("Hello") }),
      connection.sendRequest(completeRequest, { prefix: "Hello" }),
      connection.sendRequest(statsRequest),
      connection.sendRequest(unloadRequest),
    ];
    expect(await Promise.all(requests.map(refusal))).toEqual(requests.map(() => ErrorCode.InvalidState));
  });

  test("without a model there is nothing to generate with, and nothing to unload", async () => {
    const { connection } = await sidecar();
    expect(await refusal(connection.sendRequest(completeRequest, { prefix: "Hello" }))).toBe(ErrorCode.InvalidState);
    await connection.sendRequest(unloadRequest);
    const { modelPath, flash } = await connection.sendRequest(statsRequest);
    expect(modelPath).toBeUndefined();
    expect(flash.readBytes).toBe(0);
  });
});

describe("loading", () => {
  test("reports progress that never goes back and ends at the whole", async () => {
    const started = await sidecar();
    const seen: LoadProgress[] = [];
    started.connection.onProgress(loadProgress, "loading", (progress) => {
      seen.push(progress);
    });
    const { plan } = await load(started, tinyLlama, { progressToken: "loading" });
    expect(plan?.fits).toBe(true);
    expect(seen.length).toBeGreaterThan(1);
    const total = seen.at(-1)?.totalBytes ?? 0;
    expect(total).toBeGreaterThan(300_000_000);
    for (const [i, { loadedBytes, totalBytes }] of seen.entries()) {
      expect(totalBytes).toBe(total);
      expect(loadedBytes).toBeGreaterThanOrEqual(seen[i - 1]?.loadedBytes ?? 0);
      expect(loadedBytes).toBeLessThanOrEqual(total);
    }
    expect(seen.at(-1)?.loadedBytes).toBe(total);
  });

  test("says what was loaded", async () => {
    const started = await sidecar();
    const result = await load(started, synthetic);
    expect(result).toMatchObject({ architecture: "arcee", contextTokens: 512, infill: false });
    const { modelPath, memory } = await started.connection.sendRequest(statsRequest);
    expect(modelPath).toBe(synthetic);
    expect(memory.capBytes).toBe(4 * 1024 ** 3);
    expect(memory.peakBytes).toBeGreaterThanOrEqual(memory.residentBytes);
  });

  test("a cap that is too small is refused with what would fit, and the sidecar goes on", async () => {
    const started = await sidecar();
    const minimum = await smallestCap(started, synthetic);
    const error: unknown = await load(started, synthetic, { ramCapBytes: minimum - 1 }).catch((reason) => reason);
    expect(error).toMatchObject({ code: ErrorCode.DoesNotFit, data: { minimumCapBytes: minimum } });
    await load(started, synthetic, { ramCapBytes: minimum });
    expect((await complete(started, { prefix: "Hello", maximumTokens: 2 }).result).tokens).toHaveLength(2);
  });

  test("a file that is no model is refused, and a loaded model can replace it", async () => {
    const started = await sidecar();
    expect(await refusal(load(started, inCheckout("package.json")))).toBe(ErrorCode.NotAModel);
    await load(started, synthetic);
    const { tokens } = await complete(started, { prefix: "Hello", maximumTokens: 2 }).result;
    expect(tokens).toHaveLength(2);
  });

  test("can be cancelled, and loads again afterwards", async () => {
    const started = await sidecar();
    const cancellation = new CancellationTokenSource();
    started.connection.onProgress(loadProgress, "cancelled", () => cancellation.cancel());
    const params = { modelPath: tinyLlama, engine: "flash", ramCapBytes: 4 * 1024 ** 3 } as const;
    await expect(
      started.connection.sendRequest(loadRequest, { ...params, progressToken: "cancelled" }, cancellation.token),
    ).rejects.toThrow();
    const { modelPath } = await started.connection.sendRequest(statsRequest);
    expect(modelPath).toBeUndefined();
    expect((await load(started, tinyLlama)).architecture).toBe("llama");
  });
});

describe("generating", () => {
  test("streams text that adds up to the result", async () => {
    const started = await streaming(tinyLlama);
    for (const watched of [
      chat(started, { messages: ask("Name three colours."), maximumTokens: 32 }),
      complete(started, { prefix: "The capital of France is", maximumTokens: 16 }),
    ]) {
      const { text, tokens, promptTokens, finishReason, flash } = await watched.result;
      expect(watched.text()).toBe(text);
      expect(text).not.toBe("");
      expect(tokens.length).toBeGreaterThan(0);
      expect(["stop", "length"]).toContain(finishReason);
      expect(flash.readBytes).toBeGreaterThan(0);
      const prompt = watched.progress.filter(({ kind }) => kind === "prompt");
      expect(prompt.at(-1)).toEqual({
        kind: "prompt",
        readTokens: promptTokens.length,
        totalTokens: promptTokens.length,
      });
    }
  });

  test("counts what it reads from flash", async () => {
    const started = await streaming(synthetic);
    const first = await complete(started, { prefix: "Hello", maximumTokens: 4, ignoreEos: true }).result;
    const second = await complete(started, { prefix: "Good evening", maximumTokens: 8, ignoreEos: true }).result;
    const { flash } = await started.connection.sendRequest(statsRequest);
    expect(flash.readBytes).toBeGreaterThanOrEqual(first.flash.readBytes + second.flash.readBytes);
    expect(second.flash.readBytesPerToken).toBeCloseTo(second.flash.readBytes / 8);
    for (const { hitRate } of [first.flash, second.flash, flash]) {
      expect(hitRate).toBeGreaterThanOrEqual(0);
      expect(hitRate).toBeLessThanOrEqual(1);
    }
  });

  test("greedy is repeatable, and a seed is too", async () => {
    const started = await sidecar();
    await load(started, synthetic);
    for (const params of [{}, { temperature: 1, seed: 42 }]) {
      const request = { prefix: "Hello", maximumTokens: 24, ignoreEos: true, ...params };
      const first = await complete(started, request).result;
      await complete(started, { prefix: "Something else entirely", maximumTokens: 3 }).result;
      const second = await complete(started, request).result;
      expect(second.tokens).toEqual(first.tokens);
    }
  });

  test("a cancelled answer keeps its text, and leaves no trace in the next", async () => {
    const request: ChatParams = { messages: ask("Name three colours."), maximumTokens: 24 };
    const reference = await chat(await streaming(tinyLlama), request).result;

    const started = await streaming(tinyLlama);
    const watched = chat(started, { messages: ask("Write a long story about a lighthouse.") });
    await watched.reached(3);
    watched.cancel();
    const cancelled = await watched.result;
    expect(cancelled.finishReason).toBe("cancelled");
    expect(cancelled.text).toBe(watched.text());
    expect(cancelled.text).not.toBe("");
    expect(cancelled.tokens.length).toBeGreaterThan(0);

    const next = await chat(started, request).result;
    expect(next.text).toBe(reference.text);
    expect(next.tokens).toEqual(reference.tokens);
  });

  test("a completion is cancelled while it reads its prompt", async () => {
    const started = await streaming(tinyLlama);
    const cancelled = new CancellationTokenSource();
    const request = { prefix: "word ".repeat(400), progressToken: "long" };
    const answer = started.connection.sendRequest(completeRequest, request, cancelled.token);
    const watched = watch(started, () => answer);
    cancelled.cancel();
    const result = await watched.result;
    expect(result).toMatchObject({ finishReason: "cancelled", text: "", tokens: [] });
    const { tokens } = await complete(started, { prefix: "Hello", maximumTokens: 2, ignoreEos: true }).result;
    expect(tokens).toHaveLength(2);
  });

  test("two requests run one after the other, in order", async () => {
    const started = await sidecar();
    await load(started, synthetic);
    const seen = states(started);
    const order: string[] = [];
    const long = { prefix: "Hello", maximumTokens: 24, ignoreEos: true };
    const first = complete(started, long);
    const second = complete(started, { ...long, prefix: "Good evening" });
    void first.result.then(() => order.push(`first, second has ${second.progress.length}`));
    void second.result.then(() => order.push("second"));
    const results = await Promise.all([first.result, second.result]);
    expect(order).toEqual(["first, second has 0", "second"]);
    expect(results.map(({ tokens }) => tokens.length)).toEqual([24, 24]);
    // The notification that it is ready again is sent before the answer, and so is here.
    expect(seen).toEqual(["generating", "ready", "generating", "ready"]);
  });

  test("a request that waits can be cancelled without a word", async () => {
    const started = await sidecar();
    await load(started, synthetic);
    const first = complete(started, { prefix: "Hello", maximumTokens: 24, ignoreEos: true });
    const second = complete(started, { prefix: "Good evening", maximumTokens: 24, ignoreEos: true });
    second.cancel();
    expect(await second.result).toMatchObject({ finishReason: "cancelled", text: "", tokens: [] });
    expect((await first.result).tokens).toHaveLength(24);
  });

  test("a prompt that fills the context is refused in words", async () => {
    const started = await sidecar();
    await load(started, synthetic);
    const answer = complete(started, { prefix: "word ".repeat(600) }).result;
    expect(await refusal(answer)).toBe(ErrorCode.InvalidArgument);
  });
});

describe("sessions and tokens", () => {
  test("an answer names the session that it belongs to, and none where there is none", async () => {
    const lines: string[] = [];
    const started = await sidecar((line) => lines.push(line));
    await load(started, synthetic);
    const request: ChatParams = { messages: ask("Hello"), maximumTokens: 2 };
    expect(await chat(started, { ...request, sessionId: "first" }).result).toMatchObject({ sessionId: "first" });
    expect(await chat(started, request).result).not.toHaveProperty("sessionId");
    expect(lines.filter((line) => line.startsWith('session "first": prompt '))).toHaveLength(1);
  });

  test("a text has as many tokens as the model reads of it, also while it answers", async () => {
    const started = await sidecar();
    expect(await refusal(started.connection.sendRequest(countTokensRequest, { text: "a" }))).toBe(
      ErrorCode.InvalidState,
    );
    await load(started, tinyLlama);
    const count = async (text: string) => (await started.connection.sendRequest(countTokensRequest, { text })).tokens;
    const text = "export const add = (a: number, b: number) => a + b;\n";
    const answer = complete(started, { prefix: text, ignoreEos: true });
    await answer.reached(1);
    const tokens = await count(text);
    answer.cancel();
    const { promptTokens, finishReason } = await answer.result;
    // It was not over when the tokens were counted.
    expect(finishReason).toBe("cancelled");
    // The beginning of the sequence is not the text's.
    expect(promptTokens).toHaveLength(tokens + 1);
    expect(await count("")).toBe(0);
    // One token for the model, but not where it is only text.
    expect(await count("</s>")).toBeGreaterThan(1);
  });

  test("a conversation has as many tokens as the model reads of it, before it is asked", async () => {
    const started = await sidecar();
    const messages = [
      { role: "system" as const, text: "Be brief." },
      ...ask("Hello"),
      { role: "assistant" as const, text: "Hello!" },
      ...ask("Say </s> and [INST]."),
    ];
    const count = () => started.connection.sendRequest(countPromptTokensRequest, { messages });
    expect(await refusal(count())).toBe(ErrorCode.InvalidState);
    await load(started, tinyLlama);
    const { tokens } = await count();
    const { promptTokens } = await chat(started, { messages, maximumTokens: 1 }).result;
    expect(promptTokens).toHaveLength(tokens);
  });
});

describe("ending", () => {
  test("unload frees the model", async () => {
    const started = await sidecar();
    await load(started, tinyLlama);
    const before = await started.connection.sendRequest(statsRequest);
    await started.connection.sendRequest(unloadRequest);
    const after = await started.connection.sendRequest(statsRequest);
    expect(after.modelPath).toBeUndefined();
    // Most of its 322 MB of weights, which were in memory.
    expect(before.memory.residentBytes - after.memory.residentBytes).toBeGreaterThan(250_000_000);
    await load(started, synthetic);
    expect((await complete(started, { prefix: "Hello", maximumTokens: 2 }).result).tokens).toHaveLength(2);
  });

  test("unload ends a generation that runs", async () => {
    const started = await sidecar();
    await load(started, synthetic);
    const watched = complete(started, { prefix: "Hello", ignoreEos: true });
    await watched.reached(2);
    await started.connection.sendRequest(unloadRequest);
    expect((await watched.result).finishReason).toBe("cancelled");
  });

  test("shutdown ends the process with status 0", async () => {
    const { connection, exited } = await sidecar();
    await connection.sendRequest(shutdownRequest);
    expect(await exited).toEqual({ code: 0, signal: null });
  });

  test("disposing of a client ends the process, also while it generates", async () => {
    const started = await sidecar();
    await load(started, synthetic, { contextTokens: 4096 });
    const watched = complete(started, { prefix: "Hello", ignoreEos: true });
    await watched.reached(2);
    started.dispose();
    // Of itself: a signal would be the client's last resort.
    expect(await started.exited).toEqual({ code: 0, signal: null });
  });

  test("the process ends when its parent is killed", async () => {
    const requests = [
      ["load", { modelPath: synthetic, ramCapBytes: 4 * 1024 ** 3, engine: "flash", contextTokens: 4096 }],
      ["complete", { prefix: "Once", ignoreEos: true, progressToken: "watched" }],
    ];
    const args = [inCheckout("test/support/parent.mjs"), sidecarScript, JSON.stringify(requests)];
    const parent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(parent, "close");
    parent.stderr.resume();
    const lines = createInterface({ input: parent.stdout });
    const [pid] = await once(lines, "line");
    await once(lines, "line");
    onTestFinished(() => {
      try {
        process.kill(Number.parseInt(`${pid}`, 10), "SIGKILL");
      } catch {
        // It is gone, as it should be.
      }
    });
    parent.kill("SIGKILL");
    // The sidecar has a copy of the parent's standard error, which closes with the last that has one.
    await ended;
  });

  test("standard output carries the protocol and nothing else", async () => {
    const { connection, exited } = uninitializedSidecar();
    await connection.sendRequest(initializeRequest, { protocolVersion });
    await load({ connection }, tinyLlama, { progressToken: "loading" });
    await connection.sendRequest(completeRequest, { prefix: "Hello", maximumTokens: 4, progressToken: "text" });
    await refusal(load({ connection }, inCheckout("package.json")));
    await connection.sendRequest(unloadRequest);
    await connection.sendRequest(shutdownRequest);
    const { stdout, status } = await exited;
    expect(status).toBe(0);
    let rest = stdout;
    let messages = 0;
    while (rest.length > 0) {
      const header = /^(?:Content-Type: [^\r\n]+\r\n)?Content-Length: (\d+)\r\n\r\n/.exec(rest.toString("latin1"));
      expect(header, `after ${messages} messages: ${rest.toString("utf8").slice(0, 100)}`).not.toBeNull();
      const begin = header?.[0].length ?? 0;
      const end = begin + Number(header?.[1]);
      expect(JSON.parse(rest.toString("utf8", begin, end))).toMatchObject({ jsonrpc: "2.0" });
      rest = rest.subarray(end);
      messages++;
    }
    expect(messages).toBeGreaterThan(10);
  });
});
