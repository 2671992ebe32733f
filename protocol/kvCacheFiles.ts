/**
 * Names of the files that KV caches are kept in (docs/kv-cache.md). The sidecar writes and reads them; clients delete them by name,
 * all or those of a conversation, also while no sidecar runs.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "./systemErrors.js";

const fileName = /^([0-9a-f]{16})-([0-9a-f]{16})-[0-9a-f]{8}\.kv(?:\.(\d{1,10})\.tmp)?$/;
const noSession = "0".repeat(16);

interface KvCacheFileName {
  /** The first digits of the key: see keyOf in engine-native/sidecar/kvCache/key.ts. */
  key: string;
  /** Stands for the conversation. */
  session: string;
  /** Of the process that writes it; absent where it is complete. */
  writer?: number;
}

/** What stands for a conversation in a name, which does not tell its id. */
const sessionTag = (sessionId: string | undefined): string =>
  sessionId === undefined ? noSession : createHash("sha256").update(sessionId).digest("hex").slice(0, 16);

/** What stands for a key in a name. */
export const keyTag = (key: string): string => key.slice(0, 16);

/** A name that no file has. */
export const newKvCacheFile = (key: string, sessionId?: string): string =>
  `${keyTag(key)}-${sessionTag(sessionId)}-${randomBytes(4).toString("hex")}.kv`;

/** The name of the file while this process writes it. */
export const whileWritten = (name: string): string => `${name}.${process.pid}.tmp`;

/** Undefined for a file that is none of ours. */
export function parseKvCacheFile(name: string): KvCacheFileName | undefined {
  const [, key, session, writer] = fileName.exec(name) ?? [];
  if (key === undefined || session === undefined) return undefined;
  return { key, session, ...(writer !== undefined && { writer: Number(writer) }) };
}

/** All files of ours in the folder; none where there is no folder. @throws the system's error */
export async function kvCacheFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => parseKvCacheFile(name));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/**
 * Deletes what is kept, also what is being written.
 * @param sessionId of a conversation; absent: all
 * @throws the system's error
 */
export async function deleteKvCache(folder: string, sessionId?: string): Promise<void> {
  const wanted = sessionId === undefined ? undefined : sessionTag(sessionId);
  const names = (await kvCacheFiles(folder)).filter(
    (name) => wanted === undefined || parseKvCacheFile(name)?.session === wanted,
  );
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true })));
}
