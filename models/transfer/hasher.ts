/** Digests, in a thread of their own: hashing takes as long as reading, and must not hold up anything else. */
import { Worker } from "node:worker_threads";
import type { Digest } from "../record.js";

/** Hashes a file from its start: what is in memory from there, what is not as far as it is said to be written. */
export interface Hasher {
  /** Everything below is hashed, or waits to be. In bytes. */
  readonly queued: number;
  /** Everything below is hashed. In bytes. */
  readonly hashed: number;
  /** The file is written up to here, in bytes. */
  written(upTo: number): void;
  /**
   * Hashes `size` bytes of the shared memory, which are what the file has from {@link queued} on.
   * @returns when the memory may be used again
   */
  take(start: number, size: number): Promise<void>;
  /** The digest of all `bytes`, in hexadecimal digits. @throws when the file can't be read */
  finish(bytes: number): Promise<string>;
  dispose(): void;
}

/** Hash so many bytes of the shared memory, or the file up to there. */
type Work = { start: number; size: number } | { upTo: number; last: boolean };

/** Runs as a script of its own, so it names nothing outside of itself. */
function hashInThread(load: (name: string) => unknown): void {
  const { parentPort, workerData } = load("node:worker_threads") as typeof import("node:worker_threads");
  const { createHash } = load("node:crypto") as typeof import("node:crypto");
  const { closeSync, openSync, readSync } = load("node:fs") as typeof import("node:fs");
  const hash = createHash(workerData.algorithm);
  let file: number | undefined;
  const shared = new Uint8Array(workerData.memory ?? 0);
  let buffer: Buffer | undefined;
  let position = 0;
  parentPort?.on("message", (work: Work) => {
    if ("start" in work) {
      hash.update(shared.subarray(work.start, work.start + work.size));
      position += work.size;
      parentPort?.postMessage({ position });
      return;
    }
    file ??= openSync(workerData.path, "r");
    buffer ??= Buffer.allocUnsafe(1 << 20);
    while (position < work.upTo) {
      const count = readSync(file, buffer, 0, Math.min(buffer.length, work.upTo - position), position);
      if (count === 0) throw new Error(`${workerData.path} ends at byte ${position} of ${work.upTo}`);
      hash.update(buffer.subarray(0, count));
      position += count;
      if (position % (64 << 20) === 0) parentPort?.postMessage({ position });
    }
    parentPort?.postMessage({ position });
    if (!work.last) return;
    if (file !== undefined) closeSync(file);
    parentPort?.postMessage({ digest: hash.digest("hex") });
    parentPort?.close();
  });
}

export interface HasherOptions {
  /** Of a file that exists when something has to be read from it. */
  path: string;
  algorithm: Digest["algorithm"];
  memory?: SharedArrayBuffer;
  onProgress?: ((hashed: number) => void) | undefined;
}

export function startHasher({ path, algorithm, memory, onProgress }: HasherOptions): Hasher {
  const worker = new Worker(`(${hashInThread})(require)`, {
    eval: true,
    workerData: { path, algorithm, memory },
    // It has one buffer and next to no objects.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
  });
  let queued = 0;
  let hashed = 0;
  let failure: { error: unknown } | undefined;
  const taken: { end: number; resolve: () => void; reject: (error: unknown) => void }[] = [];
  const digest = new Promise<string>((resolve, reject) => {
    const fail = (error: unknown) => {
      failure ??= { error };
      reject(error);
      for (const slot of taken.splice(0)) slot.reject(error);
    };
    worker.on("message", (message: { position: number } | { digest: string }) => {
      if ("digest" in message) return resolve(message.digest);
      hashed = message.position;
      while (taken[0] && taken[0].end <= message.position) taken.shift()?.resolve();
      onProgress?.(message.position);
    });
    worker.once("error", fail);
    worker.once("exit", () => fail(new Error("The thread that hashes ended early.")));
  });
  // Whoever disposes early does not wait for it.
  digest.catch(() => undefined);
  const post = (work: Work) => worker.postMessage(work);
  return {
    get queued() {
      return queued;
    },
    get hashed() {
      return hashed;
    },
    written(upTo) {
      if (upTo <= queued) return;
      queued = upTo;
      post({ upTo, last: false });
    },
    async take(start, size) {
      if (failure) throw failure.error;
      queued += size;
      const end = queued;
      post({ start, size });
      await new Promise<void>((resolve, reject) => taken.push({ end, resolve, reject }));
    },
    finish(bytes) {
      post({ upTo: bytes, last: true });
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
  const hasher = startHasher({ path, algorithm, onProgress });
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
