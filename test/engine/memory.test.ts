/** That a conversion in VS Code has the cap for itself: the extension's engine and conversions, with the real sidecar. */
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EngineClient } from "../../extension/engine/engine.js";
import { Conversions } from "../../extension/models/conversions.js";
import { Stopped } from "../../extension/models/tasks.js";
import { newConversion } from "../../models/library/conversion.js";
import { Model } from "../../models/library/model.js";
import { startSidecar } from "../../protocol/client.js";
import { inCheckout } from "../support/flint.js";
import { isAlive } from "../support/process.js";
import { sidecarScript } from "../support/sidecar.js";

const name = "flint-tiny-relu2-f16.gguf";

let folder: string;
let ramCapBytes: number;
let engine: EngineClient;
let conversions: Conversions;
/** Of the sidecar that has loaded the model. */
let loadedBy: number | undefined;
/** What was seen of the engine whenever the converter told how far it is. */
let seen: Set<string>;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-memory-"));
  for (const file of [name, "other.gguf"]) await copyFile(inCheckout(`test/fixtures/${name}`), path.join(folder, file));
  // Enough for few tokens of calibration text, which take less time.
  ramCapBytes = 320 * 1024 ** 2;
  const start = () => startSidecar({ scriptPath: sidecarScript, onLog: () => undefined });
  engine = new EngineClient({
    start,
    settings: () => ({ modelPath: path.join(folder, name), ramCapBytes: 1024 ** 3, contextTokens: 512 }),
    log: () => undefined,
  });
  conversions = new Conversions({
    start,
    ramCapBytes: () => ramCapBytes,
    leaseMemory: (source, signal) => engine.leaseMemory(source, signal),
  });
  seen = new Set();
  conversions.onDidChange((running) => {
    if (!running?.progress) return;
    const alive = loadedBy !== undefined && isAlive(loadedBy);
    const { state, loaded, pid } = engine;
    const source = state.kind === "converting" ? state.source : "";
    seen.add(
      `${state.kind} ${source === running.model.name}, loaded ${loaded !== undefined || pid !== undefined || alive}`,
    );
  });
  await engine.load();
  loadedBy = engine.pid;
});
afterEach(async () => {
  conversions.dispose();
  engine.dispose();
  await rm(folder, { recursive: true, force: true });
});

const unloaded = new Set(["converting true, loaded false"]);
const isBack = () => vi.waitFor(() => expect(engine.state.kind).toBe("ready"), { timeout: 60_000 });

const convert = (source: string) =>
  conversions.start(new Model(folder, source), newConversion(source, undefined, false)).result;

test("no model is loaded while one is converted; it is back afterwards, also after a failure", async () => {
  await convert(name);
  expect(seen).toEqual(unloaded);
  await isBack();
  ramCapBytes = 1e6;
  await expect(convert("other.gguf")).rejects.toThrow("at least");
  await isBack();
});

test("models are converted in turn; the model is back after the last was stopped", async () => {
  const told: string[] = [];
  conversions.onDidChange((running) => {
    if (running?.progress && told.at(-1) !== running.model.name) told.push(running.model.name);
  });
  const names = [name, "other.gguf"];
  const stopped = Promise.all(names.map((source) => expect(convert(source)).rejects.toBeInstanceOf(Stopped)));
  // Either may be the first.
  for (const count of [1, 2]) {
    await vi.waitFor(() => expect(told).toHaveLength(count), { timeout: 60_000 });
    await conversions.stopCurrent();
  }
  await stopped;
  expect(told.sort()).toEqual(names);
  expect(seen).toEqual(unloaded);
  await isBack();
});
