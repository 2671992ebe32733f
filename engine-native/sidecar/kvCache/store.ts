/** The folder of all entries, within its budget. Several processes may use it: each sees what the others have added and removed. */
import { mkdir, open, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import {
  keyTag,
  kvCacheFiles,
  newKvCacheFile,
  parseKvCacheFile,
  whileWritten,
} from "../../../protocol/kvCacheFiles.js";
import type { KvCacheParams } from "../../../protocol/messages.js";
import { processRuns } from "../../../protocol/processRuns.js";
import { syncFolder } from "../../../protocol/syncFolder.js";
import { hasCode } from "../../../protocol/systemErrors.js";
import { dropCachedFile } from "../process.js";
import { checkState, DamagedEntry, describeState, type Entry, readEntry } from "./entryFile.js";

/** An entry and where it is. */
export interface KeptEntry extends Entry {
  path: string;
}

interface StoreOptions {
  log(line: string): void;
  /** Resolves when the disk is not needed for something more urgent than keeping an entry. */
  turn(): Promise<void>;
}

/** What a process that died has left is removed after so long even if another one has its number, in milliseconds. */
const leftoverMs = 24 * 60 * 60 * 1000;

export class KvCacheStore {
  /** By name. */
  readonly #known = new Map<string, KeptEntry>();
  /** Conversations that were deleted. */
  readonly #forgotten = new Set<string>();
  #written: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly params: KvCacheParams,
    private readonly options: StoreOptions,
  ) {}

  /** Makes the folder where it is missing, and removes what died half written. @throws the system's error */
  static async open(params: KvCacheParams, options: StoreOptions): Promise<KvCacheStore> {
    await mkdir(params.folder, { recursive: true, mode: 0o700 });
    const store = new KvCacheStore(params, options);
    await store.#removeLeftovers();
    await store.#evict();
    return store;
  }

  get budgetBytes(): number {
    return this.params.budgetBytes;
  }

  /** All entries of a key. What is damaged is removed. @throws the system's error */
  async entriesOf(key: string): Promise<KeptEntry[]> {
    const names = await kvCacheFiles(this.params.folder);
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name);
    for (const name of names) {
      const { key: tag, writer } = parseKvCacheFile(name) ?? {};
      if (tag !== keyTag(key) || writer !== undefined || this.#known.has(name)) continue;
      await this.#read(name, key);
    }
    return [...this.#known.values()].filter((entry) => entry.key === key);
  }

  /** Reads all of an entry's state. @returns false where it is damaged, and removed. @throws the signal's reason; the system's error */
  async check(entry: KeptEntry, signal: AbortSignal): Promise<boolean> {
    try {
      await checkState(entry.path, entry, signal);
      return true;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return false;
      if (!(error instanceof DamagedEntry)) throw error;
      await this.remove(entry, error.message);
      return false;
    }
  }

  /** An entry that was read is among the last to leave. */
  async used(entry: KeptEntry): Promise<void> {
    dropCachedFile(entry.path);
    const now = new Date();
    await utimes(entry.path, now, now).catch((error: unknown) => {
      if (!hasCode(error, "ENOENT")) throw error;
    });
  }

  /** @param reason why, for the log; absent: there is a better one */
  async remove({ path }: KeptEntry, reason?: string): Promise<void> {
    if (reason !== undefined) this.options.log(`KV cache: ${path} is removed: ${reason}.`);
    await rm(path, { force: true });
  }

  /**
   * Keeps a state. Resolves when it is written; the rest is done in the background: see {@link settled}.
   * @param write writes it into a file, and returns how many bytes it has
   * @param isReplaced tells the entries that the new one makes useless
   * @throws the system's error; what `write` throws
   */
  async add(
    { key, tokens, sessionId }: { key: string; tokens: Uint32Array; sessionId: string | undefined },
    write: (path: string) => Promise<number>,
    isReplaced: (entry: KeptEntry) => boolean,
  ): Promise<void> {
    const name = newKvCacheFile(key, sessionId);
    const temporary = join(this.params.folder, whileWritten(name));
    try {
      // Private text can be had from it. Writing to it keeps the mode.
      await (await open(temporary, "wx", 0o600)).close();
      const stateBytes = await write(temporary);
      this.#written = Promise.allSettled([
        this.#written,
        this.#finish({ name, temporary, sessionId }, { key, tokens, stateBytes }, isReplaced),
      ]);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** A conversation was deleted: nothing of it is kept, also not what is being written, unless it goes on. */
  forget(sessionId: string): void {
    this.#forgotten.add(sessionId);
  }

  /** A conversation goes on. */
  remember(sessionId: string): void {
    this.#forgotten.delete(sessionId);
  }

  keeps(sessionId: string | undefined): boolean {
    return sessionId === undefined || !this.#forgotten.has(sessionId);
  }

  /** Resolves when all that was added is on the disk. Never rejects. */
  async settled(): Promise<void> {
    await this.#written;
  }

  /** Never rejects. */
  async #finish(
    { name, temporary, sessionId }: { name: string; temporary: string; sessionId: string | undefined },
    entry: Pick<Entry, "key" | "tokens" | "stateBytes">,
    isReplaced: (entry: KeptEntry) => boolean,
  ): Promise<void> {
    const { folder } = this.params;
    try {
      await describeState(temporary, entry, this.options.turn);
      dropCachedFile(temporary);
      if (!this.keeps(sessionId)) return;
      const replaced = (await this.entriesOf(entry.key)).filter(isReplaced);
      await rename(temporary, join(folder, name));
      await syncFolder(folder);
      for (const old of replaced) await this.remove(old);
      await this.#evict();
    } catch (error) {
      this.options.log(`KV cache: an entry is not kept: ${error instanceof Error ? error.message : error}`);
    } finally {
      await rm(temporary, { force: true }).catch((error: unknown) => this.options.log(`KV cache: ${error}`));
    }
  }

  async #read(name: string, key: string): Promise<void> {
    const path = join(this.params.folder, name);
    try {
      const entry = await readEntry(path);
      if (entry.key !== key) throw new DamagedEntry("it is of another model");
      this.#known.set(name, { ...entry, path });
    } catch (error) {
      if (hasCode(error, "ENOENT")) return;
      if (!(error instanceof DamagedEntry)) throw error;
      this.options.log(`KV cache: ${path} is removed: ${error.message}.`);
      await rm(path, { force: true });
    }
  }

  /** Removes those that were not used for longest, until the others are within the budget. */
  async #evict(): Promise<void> {
    const { folder, budgetBytes } = this.params;
    const files: { path: string; size: number; mtimeMs: number }[] = [];
    for (const name of await kvCacheFiles(folder)) {
      if (parseKvCacheFile(name)?.writer !== undefined) continue;
      const path = join(folder, name);
      const found = await statOf(path);
      if (found) files.push({ path, ...found });
    }
    files.sort((a, b) => a.mtimeMs - b.mtimeMs);
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of files) {
      if (total <= budgetBytes) return;
      await rm(path, { force: true });
      total -= size;
    }
  }

  async #removeLeftovers(): Promise<void> {
    const { folder } = this.params;
    for (const name of await kvCacheFiles(folder)) {
      const { writer } = parseKvCacheFile(name) ?? {};
      if (writer === undefined) continue;
      const path = join(folder, name);
      const found = await statOf(path);
      if (found && processRuns(writer) && Date.now() - found.mtimeMs < leftoverMs) continue;
      await rm(path, { force: true });
    }
  }
}

/** Undefined where nothing is to be kept, or the folder cannot be had: then all else works. */
export async function openStore(
  params: KvCacheParams | undefined,
  options: StoreOptions,
): Promise<KvCacheStore | undefined> {
  try {
    return params && (await KvCacheStore.open(params, options));
  } catch (error) {
    options.log(`KV cache: nothing is kept: ${error}`);
    return undefined;
  }
}

/** Undefined where there is none any more. @throws the system's error */
async function statOf(path: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  try {
    const { size, mtimeMs } = await stat(path);
    return { size, mtimeMs };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
