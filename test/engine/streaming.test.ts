/** What can happen while weights are streamed: the file goes away in mid-token, a guess comes true, a person stops it. */
import { copyFile, rm, truncate } from "node:fs/promises";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { ResponseError } from "vscode-jsonrpc/node";
import type { Sidecar } from "../../protocol/client.js";
import { type CompleteParams, completeRequest, ErrorCode, planRequest } from "../../protocol/messages.js";
import { starterModel } from "../../scripts/starter-model.mjs";
import { inCheckout, planModel, runModel } from "../support/flint.js";
import { type ShapeName, syntheticModel } from "../support/models.js";
import { load, sidecar, watch } from "../support/sidecar.js";

const contextTokens = 512;

const shapes: ShapeName[] = ["arcee-f16", "qwen3moe-iq4_xs"];
beforeAll(async () => {
  for (const shape of shapes) await syntheticModel(shape);
});

async function streaming(modelPath: string): Promise<Sidecar> {
  const started = await sidecar();
  const request = { modelPath, ramCapBytes: 1024 ** 4, contextTokens };
  const { minimumCapBytes } = await started.connection.sendRequest(planRequest, request);
  await load(started, modelPath, { ramCapBytes: minimumCapBytes, contextTokens });
  return started;
}

const complete = (started: Sidecar, params: CompleteParams) =>
  watch(started, (progressToken, token) =>
    started.connection.sendRequest(completeRequest, { ...params, progressToken }, token),
  );

test.each(shapes)("%s: a file cut short in mid-answer ends the answer in words, the sidecar goes on", async (shape) => {
  const model = await syntheticModel(shape);
  const copy = inCheckout(`build/test-models/cut-${process.pid}.gguf`);
  onTestFinished(async () => {
    for (const path of [copy, `${copy}.experts`]) await rm(path, { force: true });
  });
  await copyFile(model, copy);
  const started = await streaming(copy);
  const watched = complete(started, { prefix: "Hello", ignoreEos: true });
  await watched.reached(2);
  await truncate(copy, 1_000_000);
  const error: unknown = await watched.result.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ResponseError)) throw new Error(`ended with ${error}`);
  expect(error.code).toBe(ErrorCode.ReadFailed);
  expect(error.message).toContain("the file ends before its data");
  expect(error.message).toContain(copy);

  await copyFile(model, copy);
  await load(started, copy, { contextTokens });
  const { tokens } = await complete(started, { prefix: "Hello", maximumTokens: 4, ignoreEos: true }).result;
  expect(tokens).toHaveLength(4);
});

test("guesses that come true save passes over the weights", async () => {
  const body = "    result = first_number + second_number\n    return result\n";
  const head = "def add(first_number, second_number):\n";
  const prompt = `${head}${body}\nRewrite exactly the same function again:\n${head}`;
  const options = ["--prompt", prompt, "--tokens", "16", "--ignore-eos", "--context", "512"];
  const tinyLlama = await starterModel();
  const { minimumCapBytes } = await planModel(tinyLlama, "--context", "512");
  const { text, flash, plan, timeToFirstTokenMs } = await runModel(
    tinyLlama,
    ...options,
    "--ram-cap",
    `${minimumCapBytes}`,
  );
  expect(text).toContain("result = first_number + second_number");
  expect(flash.firstLayerMs).toBeLessThan(timeToFirstTokenMs);
  // Without guesses it is a pass for the prompt and one for each token; whether more are tried depends on what they save.
  expect(flash.readBytes).toBeLessThan(16 * (plan?.weights.streamedBytes ?? 0));
});

test("a short prompt and its first token are one pass over the weights", async () => {
  const model = await syntheticModel("arcee-f16");
  const started = await sidecar();
  const request = { modelPath: model, ramCapBytes: 1024 ** 4, contextTokens };
  const { minimumCapBytes: ramCapBytes } = await started.connection.sendRequest(planRequest, request);
  const { plan } = await load(started, model, { ramCapBytes, contextTokens });
  const streamedBytes = plan?.weights.streamedBytes ?? 0;
  const { flash, tokens } = await complete(started, { prefix: "word ".repeat(20), maximumTokens: 1 }).result;
  expect(tokens).toHaveLength(1);
  expect(flash.readBytes).toBeGreaterThanOrEqual(streamedBytes);
  // And what is read ahead for a second token.
  expect(flash.readBytes).toBeLessThan(2 * streamedBytes);
});

test.each(shapes)("%s: a prompt is told as it is read, and never goes back", async (shape) => {
  const started = await streaming(await syntheticModel(shape));
  const watched = complete(started, { prefix: "word ".repeat(400), maximumTokens: 1 });
  const { promptTokens } = await watched.result;
  const read = watched.progress.flatMap((progress) => (progress.kind === "prompt" ? [progress.readTokens] : []));
  expect(read).toEqual(read.toSorted((a, b) => a - b));
  expect(read.at(-1)).toBe(promptTokens.length);
});
