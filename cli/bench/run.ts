/** One measured run: a sidecar of its own, in a memory cgroup of its own, from start to end. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Sidecar, startSidecar } from "../../protocol/client.js";
import type { GpuLibraries } from "../../protocol/gpu.js";
import {
  completeRequest,
  type EngineKind,
  generationProgress,
  loadRequest,
  planRequest,
  type Sparsity,
  statsRequest,
  unloadRequest,
} from "../../protocol/messages.js";
import { hasCode } from "../../protocol/systemErrors.js";
import type { MemoryCgroup, MemoryUsage } from "./cgroup.js";
import { type Floor, floorOf } from "./floor.js";

export interface Workload {
  modelPath: string;
  /** The cap, in bytes: of the flash engine by its plan, of both by the cgroup. */
  ramCapBytes: number;
  contextTokens: number;
  /** Of a converted model; absent: exact. */
  sparsity?: Sparsity;
  /** What is continued, and the same by all; absent: a sentence. */
  prompt?: string;
  /** Guesses for the flash engine. */
  draftModelPath?: string;
  /** For the flash engine. */
  gpu?: GpuLibraries;
  /** The most of the GPU's memory, in bytes. */
  vramCapBytes?: number;
  /** To generate. The first is not measured: reading the prompt is in it. */
  tokens: number;
  /**
   * Whether stock llama.cpp keeps weights as they are in the file. What it lays out anew is memory that cannot be
   * dropped: with a cap below the model's size it would be killed while it loads.
   */
  plainWeights: boolean;
}

interface Measured {
  outcome: "done";
  /** Mean over the tokens after the first. */
  msPerToken: number;
  /** Of the same tokens. */
  tokenMs?: { median: number; p95: number };
  timeToFirstTokenMs: number;
  /** What other processes computed while it generated: see {@link measureRun}. */
  othersPerSecond?: number;
  /** Bytes that came from the disk for each token after the first, as the kernel counts them where it does. */
  readBytesPerToken?: number;
  /** Its largest resident size (VmHWM), in bytes. */
  residentPeakBytes: number;
  promptTokens: number[];
  tokens: number[];
  /** Of the flash engine: measured by the same process right afterwards, when caches below the kernel are the same. */
  floor?: Floor;
}

/** How a run ended, and what was measured of it. */
export type Run = (
  | Measured
  /** The kernel killed it: it wanted more memory than the cap. */
  | { outcome: "killed" }
  | { outcome: "failed"; reason: string }
) & {
  /** Of the cgroup, page cache included; absent without one. */
  cgroup?: MemoryUsage;
};

const sentence = "The quick brown fox jumps over the lazy dog";
/** Some passes over what is streamed: a short look at a disk can find it far from the speed that it keeps up. */
const diskMs = 3000;
/** How often it is asked whether the pool is warm. */
const warmingMs = 50;
const scriptPath = fileURLToPath(new URL("./sidecar.js", import.meta.url));
const plainWeights = fileURLToPath(new URL("../build/native/native-tests/libflint-plain-weights.so", import.meta.url));

/** Whether stock can be run with {@link Workload.plainWeights}: the library for it is built in a checkout. */
export const canKeepPlainWeights = (): boolean => existsSync(plainWeights);

/**
 * Loads the model and generates. A sidecar that dies is a result, not an error.
 * @param othersWork tells how much other processes have computed, in a unit of theirs
 * @throws the signal's reason when interrupted; the sidecar is gone by then
 */
export async function measureRun(
  engine: EngineKind,
  workload: Workload,
  cgroup: MemoryCgroup | undefined,
  signal: AbortSignal,
  othersWork?: () => Promise<number>,
): Promise<Run> {
  signal.throwIfAborted();
  const log: string[] = [];
  let run: Run;
  let sidecar: Sidecar | undefined;
  let ended: string | undefined;
  const kill = () => sidecar?.process.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  try {
    sidecar = await startSidecar({
      scriptPath,
      onLog: (line) => log.push(line),
      gpu: engine === "flash" ? workload.gpu : undefined,
      launcher: [
        ...(cgroup?.launcher ?? []),
        ...(engine === "stock" && workload.plainWeights ? ["env", `LD_PRELOAD=${plainWeights}`] : []),
      ],
    });
    if (signal.aborted) kill();
    run = await Promise.race([
      generate(sidecar, engine, workload, othersWork),
      sidecar.exited.then(({ code, signal }) => {
        ended = signal ?? `exit ${code}`;
        throw new Error(`the engine stopped (${ended}). ${log.at(-1) ?? ""}`);
      }),
    ]);
  } catch (error) {
    signal.throwIfAborted();
    run = { outcome: "failed", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    signal.removeEventListener("abort", kill);
    sidecar?.dispose();
    await sidecar?.exited;
  }
  return withUsage(run, cgroup, ended);
}

/**
 * Adds what the cgroup tells of a process that has ended: what the kernel killed for the cap did not fail by itself.
 * @param ended the signal that ended it, if one did
 */
export async function withUsage(run: Run, cgroup: MemoryCgroup | undefined, ended: string | undefined): Promise<Run> {
  const usage = await cgroup?.usage();
  const killed = run.outcome === "failed" && (usage ? usage.oomKills > 0 : ended === "SIGKILL");
  return { ...(killed ? { outcome: "killed" } : run), ...(usage ? { cgroup: usage } : {}) };
}

async function generate(
  sidecar: Sidecar,
  engine: EngineKind,
  workload: Workload,
  othersWork: (() => Promise<number>) | undefined,
): Promise<Measured> {
  const { connection, process } = sidecar;
  const { tokens: maximumTokens, plainWeights: _plain, gpu: _gpu, prompt, ...model } = workload;
  await connection.sendRequest(loadRequest, { ...model, engine });
  // As of somebody who takes a moment to ask: stock has read ahead too by then.
  while ((await connection.sendRequest(statsRequest)).warmingBytes > 0) await setTimeout(warmingMs);
  let readBefore: number | undefined;
  let begun = false;
  const listener = connection.onProgress(generationProgress, "bench", ({ kind }) => {
    if (kind !== "text" || begun) return;
    begun = true;
    readBefore = readBytes(process.pid);
  });
  const workBefore = await othersWork?.();
  const start = performance.now();
  const result = await connection.sendRequest(completeRequest, {
    prefix: prompt ?? sentence,
    maximumTokens,
    temperature: 0,
    ignoreEos: true,
    progressToken: "bench",
  });
  const seconds = (performance.now() - start) / 1000;
  const workAfter = await othersWork?.();
  const readAfter = readBytes(process.pid);
  listener.dispose();
  const { memory } = await connection.sendRequest(statsRequest);
  const measured: Measured = {
    outcome: "done",
    msPerToken: result.msPerToken.mean,
    tokenMs: { median: result.msPerToken.median, p95: result.msPerToken.p95 },
    timeToFirstTokenMs: result.timeToFirstTokenMs,
    residentPeakBytes: memory.peakBytes,
    promptTokens: result.promptTokens,
    tokens: result.tokens,
  };
  if (workBefore !== undefined && workAfter !== undefined)
    measured.othersPerSecond = (workAfter - workBefore) / seconds;
  if (readBefore !== undefined && readAfter !== undefined) {
    measured.readBytesPerToken = (readAfter - readBefore) / Math.max(1, result.tokens.length - 1);
  } else if (engine === "flash") {
    measured.readBytesPerToken = result.flash.readBytesPerToken;
  }
  if (engine === "flash" && othersWork === undefined) {
    // Its buffers need the room that the model has.
    await connection.sendRequest(unloadRequest);
    const floor = floorOf(
      await connection.sendRequest(planRequest, { ...model, diskMs }),
      (measured.readBytesPerToken ?? 0) - result.flash.wastedBytesPerToken,
    );
    if (floor) measured.floor = floor;
  }
  return measured;
}

/** Bytes that the process has had read from the disk; undefined where the kernel does not tell. */
function readBytes(pid: number | undefined): number | undefined {
  if (globalThis.process.platform !== "linux" || pid === undefined) return undefined;
  try {
    const text = readFileSync(`/proc/${pid}/io`, "utf8");
    return Number(/^read_bytes: (\d+)$/m.exec(text)?.[1]);
  } catch (error) {
    // Some kernels do not count, some do not let this user see; a dead process is reported by its end.
    if (hasCode(error, "ENOENT", "EACCES", "ESRCH")) return undefined;
    throw error;
  }
}
