/** Digests of files, in a thread of their own: hashing takes as long as reading, and must not hold up anything else. */
import { Worker } from "node:worker_threads";
import type { Digest } from "./record.js";

/** Hashes a file from its start as far as it is told that it is written, and on as it grows. */
export interface Hasher {
  /** The file is written up to here, in bytes. */
  written(upTo: number): void;
  /** The digest of all `bytes`, in hexadecimal digits. @throws when the file can't be read */
  finish(bytes: number): Promise<string>;
  /** Bytes hashed so far. */
  readonly hashed: number;
  dispose(): void;
}

/** Runs as a script of its own, so it names nothing outside of itself. */
function hashInThread(load: (name: string) => unknown): void {
  const { parentPort, workerData } = load("node:worker_threads") as typeof import("node:worker_threads");
  const { createHash } = load("node:crypto") as typeof import("node:crypto");
  const { closeSync, openSync, readSync } = load("node:fs") as typeof import("node:fs");
  const hash = createHash(workerData.algorithm);
  const file = openSync(workerData.path, "r");
  const buffer = Buffer.allocUnsafe(1 << 20);
  let position = 0;
  parentPort?.on("message", ({ upTo, last }: { upTo: number; last: boolean }) => {
    while (position < upTo) {
      const count = readSync(file, buffer, 0, Math.min(buffer.length, upTo - position), position);
      if (count === 0) throw new Error(`${workerData.path} ends at byte ${position} of ${upTo}`);
      hash.update(count === buffer.length ? buffer : buffer.subarray(0, count));
      position += count;
      if (position % (64 << 20) === 0) parentPort?.postMessage({ position });
    }
    parentPort?.postMessage({ position });
    if (!last) return;
    closeSync(file);
    parentPort?.postMessage({ digest: hash.digest("hex") });
    parentPort?.close();
  });
}

/** @param path of a file that exists */
export function startHasher(
  path: string,
  algorithm: Digest["algorithm"],
  onProgress?: (hashed: number) => void,
): Hasher {
  const worker = new Worker(`(${hashInThread})(require)`, {
    eval: true,
    workerData: { path, algorithm },
    // It has one buffer and next to no objects.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
  });
  let hashed = 0;
  let told = 0;
  const digest = new Promise<string>((resolve, reject) => {
    worker.on("message", (message: { position: number } | { digest: string }) => {
      if ("digest" in message) return resolve(message.digest);
      hashed = message.position;
      onProgress?.(hashed);
    });
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("The thread that hashes ended early.")));
  });
  // Whoever disposes early does not wait for it.
  digest.catch(() => undefined);
  return {
    get hashed() {
      return hashed;
    },
    written(upTo) {
      // Each message is work for at least a few buffers.
      if (upTo - told < 4 << 20) return;
      told = upTo;
      worker.postMessage({ upTo, last: false });
    },
    finish(bytes) {
      worker.postMessage({ upTo: bytes, last: true });
      return digest;
    },
    dispose: () => void worker.terminate(),
  };
}

/** The digest of a whole file. @throws when it can't be read, or what `signal` says when it is aborted */
export async function hashFile(
  path: string,
  bytes: number,
  algorithm: Digest["algorithm"],
  signal: AbortSignal,
  onProgress?: (hashed: number) => void,
): Promise<string> {
  const hasher = startHasher(path, algorithm, onProgress);
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([hasher.finish(bytes), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    hasher.dispose();
  }
}
