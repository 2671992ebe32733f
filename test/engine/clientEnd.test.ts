/** A sidecar ends with its client, also while its threads wait for something that never comes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { inCheckout } from "../support/flint.js";
import { createHeldReads, isHeld } from "../support/heldReads.js";
import { syntheticModel } from "../support/models.js";
import { isAlive } from "../support/process.js";
import { sidecarScript } from "../support/sidecar.js";

let model: string;
beforeAll(async () => {
  model = await syntheticModel("arcee-f16");
});

const patient = { timeout: 60_000, interval: 20 };
const ramCapBytes = 190 * 1024 ** 2;
const contextTokens = 512;

/** Takes all processors for as long as the test runs. */
function keepBusy(): void {
  for (let i = 0; i < 2 * availableParallelism(); i++) {
    const spinning = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
    onTestFinished(() => void spinning.kill("SIGKILL"));
  }
}

interface Client {
  process: ChildProcess;
  /** Process id of its sidecar. */
  sidecar: number;
  /** Resolves when there is progress for the token "watched". */
  progress: Promise<unknown>;
}

/** A client whose sidecar is asked for these, one after the other. */
async function client(requests: [method: string, params: object][], env: NodeJS.ProcessEnv = {}): Promise<Client> {
  const args = [inCheckout("test/support/parent.mjs"), sidecarScript, JSON.stringify(requests)];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await once(lines, "line");
  const sidecar = Number(line);
  onTestFinished(() => {
    child.kill("SIGKILL");
    if (isAlive(sidecar)) process.kill(sidecar, "SIGKILL");
  });
  return { process: child, sidecar, progress: once(lines, "line") };
}

/** Waits until a process has ended, whether or not somebody has asked for its status. */
async function isGone(pid: number): Promise<void> {
  const state = () => readFile(`/proc/${pid}/stat`, "utf8").then((stat) => /\) (\w)/.exec(stat)?.[1]);
  await vi.waitFor(async () => expect(await state().catch(() => "Z")).toBe("Z"), patient);
}

describe.runIf(process.platform === "linux")("when its client is killed the sidecar ends", () => {
  const load = { modelPath: "", engine: "flash", ramCapBytes, contextTokens };
  const prompt = { prefix: "Hello", ignoreEos: true, progressToken: "watched" };

  test.each<[string, (modelPath: string) => [string, object][]]>([
    ["plans", (modelPath) => [["plan", { modelPath, ramCapBytes, contextTokens }]]],
    ["loads", (modelPath) => [["load", { ...load, modelPath }]]],
  ])("while it %s, with a disk that does not answer", async (_, requests) => {
    const held = createHeldReads(`client-${process.pid}`, onTestFinished);
    await held.hold();
    keepBusy();
    const { process: parent, sidecar } = await client(requests(model), held.env);
    await vi.waitFor(() => expect(isHeld(sidecar)).toBe(true), patient);
    parent.kill("SIGKILL");
    await isGone(sidecar);
  });

  test("while it generates, with a disk that does not answer", async () => {
    const held = createHeldReads(`client-${process.pid}`, onTestFinished);
    keepBusy();
    const requests: [string, object][] = [
      ["load", { ...load, modelPath: model }],
      ["complete", prompt],
    ];
    const { process: parent, sidecar, progress } = await client(requests, held.env);
    await progress;
    await held.hold();
    await vi.waitFor(() => expect(isHeld(sidecar)).toBe(true), patient);
    parent.kill("SIGKILL");
    await isGone(sidecar);
  });

  test("while it converts, and so does the converter", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "flint-client-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    keepBusy();
    const modelPath = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");
    const convert: [string, object] = ["convert", { modelPath, folder, progressToken: "watched" }];
    const { process: parent, sidecar, progress } = await client([convert]);
    await progress;
    const children = await readFile(`/proc/${sidecar}/task/${sidecar}/children`, "utf8");
    const converter = Number(children.trim().split(" ").at(-1));
    expect(isAlive(converter)).toBe(true);
    parent.kill("SIGKILL");
    await isGone(sidecar);
    await isGone(converter);
  });
});
