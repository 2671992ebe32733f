/** One sidecar for one command. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Sidecar, startSidecar } from "../protocol/client.js";
import type { GpuLibraries } from "../protocol/gpu.js";
import type { EngineKind, LoadParams, Plan, Sparsity } from "../protocol/messages.js";

/** What commands are told that may use a GPU. */
export interface GpuOptions {
  gpu: "auto" | "off";
  /** The most of its memory, in bytes; absent: what is free. */
  vramCap?: number;
}

/** What every command that loads a model is told. */
export interface LoadOptions extends GpuOptions {
  /** Bytes. */
  ramCap: number;
  /** Tokens; absent: automatic. */
  context?: number;
  engine: EngineKind;
  sparsity: Sparsity;
}

/** @param model its path, from the working directory */
export function loadParams(model: string, { ramCap, context, engine, sparsity, vramCap }: LoadOptions): LoadParams {
  return {
    modelPath: resolve(model),
    ramCapBytes: ramCap,
    engine,
    sparsity,
    ...(context === undefined ? {} : { contextTokens: context }),
    ...(vramCap === undefined ? {} : { vramCapBytes: vramCap }),
  };
}

/** The libraries to start a sidecar with. */
export async function librariesFor({ gpu }: Pick<GpuOptions, "gpu">): Promise<GpuLibraries | undefined> {
  if (gpu === "off") return undefined;
  // Not before it is known: most commands need none of it.
  const { findGpuLibraries } = await import("../models/gpu/libraries.js");
  return findGpuLibraries(fileURLToPath(new URL("..", import.meta.url)));
}

/** Says once that a GPU which was to be used is not. */
export function tellGpuRefusal(plan: Plan | undefined): void {
  if (plan?.gpuRefusal) process.stderr.write(`${plan.gpuRefusal.reason}\n`);
}

/** The sidecar died while a GPU had a part of a model. */
class GpuFailed extends Error {}

/**
 * Runs `work` with a sidecar and ends it. What the sidecar logs is shown only if it dies:
 * otherwise its errors come over the protocol. Where it dies with a GPU, `work` runs again without one.
 * @throws what `work` throws, or that the sidecar died under it: a ResponseError NotAModel where it died of a model.
 */
export async function withSidecar<Result>(
  work: (sidecar: Sidecar) => Promise<Result>,
  options: Pick<GpuOptions, "gpu"> = { gpu: "off" },
): Promise<Result> {
  try {
    return await withOneSidecar(work, await librariesFor(options));
  } catch (error) {
    if (!(error instanceof GpuFailed)) throw error;
    process.stderr.write(`${error.message} Trying again on the CPU only.\n`);
    return withOneSidecar(work, undefined);
  }
}

async function withOneSidecar<Result>(
  work: (sidecar: Sidecar) => Promise<Result>,
  gpu: GpuLibraries | undefined,
): Promise<Result> {
  const log: string[] = [];
  const sidecar = await startSidecar({
    scriptPath: fileURLToPath(new URL("./sidecar.js", import.meta.url)),
    gpu,
    onLog: (line) => {
      log.push(line);
      if (log.length > 20) log.shift();
    },
  });
  try {
    return await Promise.race([
      work(sidecar),
      sidecar.exited.then(({ code, signal, unusableModel, onGpu }) => {
        if (unusableModel) throw unusableModel;
        if (onGpu) throw new GpuFailed(`The engine stopped while it used the GPU (${signal ?? `exit ${code}`}).`);
        throw new Error(`the engine stopped (${signal ?? `exit ${code}`}). ${log.at(-1) ?? ""}`);
      }),
    ]);
  } finally {
    sidecar.dispose();
  }
}
