import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { DownloadError } from "../../../models/errors.js";
import { readJson } from "../../../models/files/atomicJson.js";
import { acquireLock, isLocked, type Lock } from "../../../models/library/lock.js";

/** How long a window that is reloaded waits for what it was before to end, in ms. */
const reloadMs = 3000;
/** More windows than anybody has open; those beyond share the first place. */
const mostPlaces = 100;

/** What this window keeps of its own: windows without a folder, or of the same one, share their storage. */
export interface WindowFiles {
  /** The path of a JSON file. @param name without ending */
  file(name: string): string;
  /** Whether another window that is open shows a conversation. Never rejects. */
  isShownElsewhere(id: string): Promise<boolean>;
}

/**
 * One of the places 1, 2, 3, … of the windows that share a storage: each has files of its own there. A window that opens
 * takes a place that is free, and with it what was typed there last. A window's process holds its place while it lives.
 */
export class WindowPlace implements WindowFiles {
  private constructor(
    private readonly storage: string,
    /** From 1. */
    readonly number: number,
    private readonly lock: Lock | undefined,
  ) {}

  /**
   * Never rejects: where the disk makes no locks, all windows share the first place, which the log tells.
   * @param before the place that this window had, as before a reload, where it is known
   */
  static async take(storage: string, before: number | undefined, log: (line: string) => void): Promise<WindowPlace> {
    const end = Date.now() + reloadMs;
    try {
      if (before !== undefined) {
        do {
          const lock = await tryLock(storage, before);
          if (lock) return new WindowPlace(storage, before, lock);
          // By what it was before the reload, or by another window that knows no better.
          await sleep(100);
        } while (Date.now() < end);
      }
      for (let number = 1; number <= mostPlaces; number++) {
        const lock = await tryLock(storage, number);
        if (lock) return new WindowPlace(storage, number, lock);
      }
    } catch (error) {
      log(`Windows can't be told apart: ${String(error)}`);
    }
    return new WindowPlace(storage, 1, undefined);
  }

  file(name: string): string {
    return fileOf(this.storage, name, this.number);
  }

  async isShownElsewhere(id: string): Promise<boolean> {
    const names = await readdir(this.storage).catch(() => []);
    const numbers = names.flatMap(numbersOf).filter((each) => each !== this.number);
    const shows = async (number: number) => {
      const panel = await readJson(fileOf(this.storage, "panel", number), z.object({ conversation: z.string() }));
      if (panel.kind !== "value" || panel.value.conversation !== id) return false;
      return isLocked(lockOf(this.storage, number));
    };
    const all = await Promise.all(numbers.map((number) => shows(number).catch(() => false)));
    return all.includes(true);
  }

  /** Lets another window have the place. Never rejects. */
  async release(): Promise<void> {
    await this.lock?.release().catch(() => undefined);
  }
}

const fileOf = (storage: string, name: string, number: number) =>
  join(storage, number === 1 ? `${name}.json` : `${name}-${number}.json`);
const lockOf = (storage: string, number: number) => join(storage, `window-${number}.lock`);
/** The place of a lock, as {@link lockOf} names it; none for any other file. */
function numbersOf(name: string): number[] {
  const [, number] = /^window-(\d+)\.lock$/.exec(name) ?? [];
  return number === undefined ? [] : [Number(number)];
}

/** @returns undefined while another window has it. @throws the system's error */
async function tryLock(storage: string, number: number): Promise<Lock | undefined> {
  try {
    return await acquireLock(lockOf(storage, number));
  } catch (error) {
    if (error instanceof DownloadError) return undefined;
    throw error;
  }
}
