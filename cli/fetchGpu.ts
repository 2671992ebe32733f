/** `flint fetch-gpu`: llama.cpp's libraries for GPUs, into the user's cache. */
import { fileURLToPath } from "node:url";
import { fetchGpuLibraries } from "../models/gpu/libraries.js";
import { gpuKinds } from "../protocol/gpu.js";
import { DownloadBar } from "./downloadBar.js";
import { UsageError } from "./exit.js";

/** Prints the folder that they are in. @throws UsageError, DownloadError; what `signal` says when it is aborted */
export async function fetchGpu(name: string, signal: AbortSignal): Promise<void> {
  const kind = gpuKinds.find((known) => known === name);
  if (!kind) throw new UsageError(`there are libraries for ${gpuKinds.join(" and ")}, not for ${name}`);
  const bar = new DownloadBar(kind);
  try {
    const { folder } = await fetchGpuLibraries(kind, fileURLToPath(new URL("..", import.meta.url)), {
      signal,
      onProgress: (doneBytes) => bar.show({ phase: "download", doneBytes }),
    });
    bar.end();
    process.stdout.write(`${folder}\n`);
  } catch (error) {
    bar.end();
    throw error;
  }
}
