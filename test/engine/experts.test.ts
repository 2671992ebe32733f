/** A model with experts: what is recorded of its routing, and what is remembered of it. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { completeRequest, statsRequest, unloadRequest } from "../../protocol/messages.js";
import { planModel } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { load, sidecar } from "../support/sidecar.js";

test("routing is recorded, and what was used most is there from the first token of the next session", async () => {
  const model = await syntheticModel("qwen3moe-iq4_xs");
  const memory = `${model}.experts`;
  await rm(memory, { force: true });
  const folder = await mkdtemp(join(tmpdir(), "flint-trace-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const contextTokens = 256;
  const least = await planModel(model, "--context", `${contextTokens}`);
  // Enough that only experts are read, and not for all of them.
  const ramCapBytes = least.minimumCapBytes + least.weights.residentBytes / 2;
  const engine = await sidecar();
  const generate = async (more: { tracePath?: string }) => {
    const { plan } = await load(engine, model, { contextTokens, ramCapBytes, ...more });
    while ((await engine.connection.sendRequest(statsRequest)).warmingBytes > 0);
    const result = await engine.connection.sendRequest(completeRequest, {
      prefix: "Once upon",
      maximumTokens: 24,
      ignoreEos: true,
    });
    await engine.connection.sendRequest(unloadRequest);
    return { plan, ...result };
  };

  const tracePath = join(folder, "routing.txt");
  const first = await generate({ tracePath });
  expect(first.plan?.weights.streamedBytes).toBe(0);
  expect(first.plan?.weights.expertCacheBytes).toBeGreaterThan(0);
  expect(first.flash.readBytes).toBeGreaterThan(0);
  expect(first.flash.hitRate).toBeGreaterThan(0);
  expect(first.flash.hitRate).toBeLessThan(1);

  const [head, ...lines] = (await readFile(tracePath, "utf8")).trimEnd().split("\n");
  expect(head).toBe("flint-routing 1");
  const layers = 6;
  expect(lines.slice(0, layers).join("\n")).toMatch(/^(layer blk\.\d+\. 32 \d+\n?){6}$/);
  const steps = lines.slice(layers).map((line) => {
    const [layer, ...tokens] = line.split(" :").map((part) => part.trim().split(" ").map(Number));
    return { layer: layer?.[0], tokens };
  });
  for (const { tokens } of steps) for (const chosen of tokens) expect(new Set(chosen).size).toBe(4);
  const computed = steps.filter(({ layer }) => layer === 0).flatMap(({ tokens }) => tokens).length;
  // The prompt and the answer, but for its last token, which is not fed in again.
  expect(computed).toBe(first.promptTokens.length + first.tokens.length - 1);

  expect(await readFile(memory, "utf8")).toMatch(/^flint-experts 1 192 \d+\n/);
  const second = await generate({});
  expect(second.tokens).toEqual(first.tokens);
  expect(second.flash.readBytes).toBeLessThan(first.flash.readBytes);
});
