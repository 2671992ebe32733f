import { setTimeout as sleep } from "node:timers/promises";
import { DownloadError } from "../../../models/errors.js";
import { acquireLock, type Lock } from "../../../models/library/lock.js";

/** How long another window may take to write, in ms. */
const patienceMs = 10_000;

/**
 * Does `work` while no other window does the like.
 * @param path of the lock; where the disk can make none, as without hard links, `work` is done all the same
 * @throws what `work` throws; DownloadError `busy` when another window does not end
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = await acquire(path);
  try {
    return await work();
  } finally {
    await lock?.release().catch(() => undefined);
  }
}

async function acquire(path: string): Promise<Lock | undefined> {
  const end = Date.now() + patienceMs;
  for (;;) {
    try {
      return await acquireLock(path);
    } catch (error) {
      if (!(error instanceof DownloadError)) return undefined;
      if (Date.now() > end) throw error;
      await sleep(5 + 20 * Math.random());
    }
  }
}
