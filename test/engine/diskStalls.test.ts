/** A disk that does not answer: whoever waits is told so, may stop at once, and goes on when the disk does. */
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";
import { CancellationTokenSource } from "vscode-jsonrpc";
import * as z from "zod";
import { type Sidecar, startSidecar } from "../../protocol/client.js";
import { completeRequest, evaluateRequest, type GenerationProgress, planRequest } from "../../protocol/messages.js";
import { flint, inCheckout, start } from "../support/flint.js";
import { createHeldReads, type HeldReads } from "../support/heldReads.js";
import { type ShapeName, syntheticModel } from "../support/models.js";
import { load, sidecarScript, watch } from "../support/sidecar.js";

const contextTokens = 512;

/** Of one of the tests that run side by side. */
type Finished = TestContext["onTestFinished"];

const silent = (progress: GenerationProgress) => progress.kind === "disk" && progress.stalledMs >= 2000;
const speaking = (progress: GenerationProgress) => progress.kind === "disk" && progress.stalledMs === 0;

const continued = (sidecar: Sidecar, prefix: string, maximumTokens = 400) =>
  watch(sidecar, (progressToken, token) =>
    sidecar.connection.sendRequest(completeRequest, { prefix, maximumTokens, ignoreEos: true, progressToken }, token),
  );

/** A sidecar with the smallest cap for a model, on a disk that can be held. */
async function streaming(modelPath: string, { env }: HeldReads, onTestFinished: Finished): Promise<Sidecar> {
  const launcher = ["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  const sidecar = await startSidecar({ scriptPath: sidecarScript, onLog: () => undefined, launcher });
  onTestFinished(() => sidecar.dispose());
  const request = { modelPath, ramCapBytes: 1024 ** 4, contextTokens };
  const { minimumCapBytes } = await sidecar.connection.sendRequest(planRequest, request);
  await load(sidecar, modelPath, { ramCapBytes: minimumCapBytes, contextTokens });
  return sidecar;
}

const shapes: ShapeName[] = ["arcee-f16", "qwen3moe-iq4_xs"];
const folder = inCheckout(`build/test-models/silent-${process.pid}`);
const models = new Map<string, string>();
beforeAll(async () => {
  for (const shape of shapes) models.set(shape, await syntheticModel(shape));
  const { stdout } = await flint("convert", await syntheticModel("arcee-sparse"), "--out", folder, "--json");
  models.set("converted", z.looseObject({ modelPath: z.string() }).parse(JSON.parse(stdout)).modelPath);
});
afterAll(() => rm(folder, { recursive: true }));

const modelOf = (name: string): string => models.get(name) ?? name;

// Most of their time they wait.
describe.concurrent("a disk that does not answer", () => {
  test.for([...shapes, "converted"])(
    "%s: it is told, answers go on or are stopped at once",
    async (name, { onTestFinished }) => {
      const held = createHeldReads(name, onTestFinished);
      const sidecar = await streaming(modelOf(name), held, onTestFinished);
      const undisturbed = await continued(sidecar, "Hello", 4).result;

      const answer = continued(sidecar, "Hello");
      await answer.reached(2);
      await held.hold();
      await answer.told(silent);
      const before = answer.progress.length;
      await Promise.all([answer.told(speaking), held.release()]);
      await answer.told(({ kind }) => kind === "text");
      expect(answer.progress.length).toBeGreaterThan(before);

      await held.hold();
      await answer.told(silent);
      // In the middle of a layer, whose weights do not come.
      answer.cancel();
      expect(await answer.result).toMatchObject({ finishReason: "cancelled" });

      // The disk still holds what was stopped.
      const next = continued(sidecar, "word ".repeat(200));
      await next.told(silent);
      next.cancel();
      expect(await next.result).toMatchObject({ finishReason: "cancelled", tokens: [] });

      const cancellation = new CancellationTokenSource();
      const text = "word ".repeat(200);
      const evaluation = sidecar.connection.sendRequest(evaluateRequest, { text }, cancellation.token);
      cancellation.cancel();
      await expect(evaluation).rejects.toThrow();

      const last = continued(sidecar, "Hello", 4);
      await last.told(silent);
      await held.release();
      expect((await last.result).tokens).toEqual(undisturbed.tokens);
    },
  );

  test("flint run tells it on the terminal, and ends with Ctrl+C", async ({ onTestFinished }) => {
    const held = createHeldReads("run", onTestFinished);
    const model = await syntheticModel("arcee-f16");
    const cap = ["--ram-cap", "190MiB", "--context", `${contextTokens}`];
    const running = start(["run", model, "--prompt", "Hello", "--ignore-eos", ...cap], { env: held.env });
    const said = (stream: NodeJS.ReadableStream, words: string) =>
      new Promise<void>((resolve) => {
        stream.on("data", (chunk: string) => chunk.includes(words) && resolve());
      });
    await new Promise<void>((resolve) => running.process.stdout.once("data", () => resolve()));
    await held.hold();
    await said(running.process.stderr, "Waiting for the disk: no data for");
    await Promise.all([said(running.process.stderr, "The disk responds again."), held.release()]);
    await held.hold();
    await said(running.process.stderr, "Waiting for the disk: no data for");
    running.process.kill("SIGINT");
    expect((await running.ended).status).toBe(130);
  });
});
