/**
 * JSON files that are whole after any crash: written under another name in the same folder, synced, renamed, and the
 * name synced. Our own and no library, since the npm ones sync no folder and tell nothing of the file they have written,
 * which {@link FileVersion} needs.
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type * as z from "zod";
import { syncFolder } from "../../protocol/syncFolder.js";
import { hasCode } from "../../protocol/systemErrors.js";

/** What was found at a path. */
export type JsonFile<Value> =
  | { kind: "value"; value: Value }
  | { kind: "absent" }
  /** No JSON, or not as the schema has it; `reason` is for a log. */
  | { kind: "damaged"; reason: string };

/** Tells one writing of a file from another. */
export interface FileVersion {
  inode: bigint;
  modifiedNs: bigint;
}

export const isSameVersion = (a: FileVersion | undefined, b: FileVersion | undefined): boolean =>
  a?.inode === b?.inode && a?.modifiedNs === b?.modifiedNs;

const temporaryEnding = ".new";

/** Reads a file and checks it. @throws the system's error when the disk fails */
export async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<JsonFile<z.infer<Schema>>> {
  try {
    const parsed = schema.safeParse(JSON.parse(await readFile(path, "utf8")));
    return parsed.success
      ? { kind: "value", value: parsed.data }
      : { kind: "damaged", reason: `${path}: ${parsed.error.message}` };
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return { kind: "absent" };
    if (error instanceof SyntaxError) return { kind: "damaged", reason: `${path}: ${error.message}` };
    throw error;
  }
}

/** As {@link writeText}, of a value. */
export async function writeJson(path: string, value: unknown): Promise<FileVersion> {
  return writeText(path, JSON.stringify(value));
}

/**
 * Puts a text in the place of the file at `path`, at once: a crash leaves the old one or the new one. Readable by the
 * user only. Makes the folder where it is missing.
 * @returns the version that is there now
 * @throws the system's error when the disk fails; then the old file is still there
 */
export async function writeText(path: string, text: string): Promise<FileVersion> {
  const folder = dirname(path);
  const temporary = `${path}.${randomUUID()}${temporaryEnding}`;
  await mkdir(folder, { recursive: true });
  try {
    const file = await open(temporary, "wx", 0o600);
    let version: FileVersion;
    try {
      await file.writeFile(text);
      await file.sync();
      version = await versionOf(file);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(folder);
    return version;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes what processes left that died while they wrote this file. For whoever alone may write it now. */
export async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  const names = await readdir(folder);
  const left = names.filter((name) => name.startsWith(prefix) && name.endsWith(temporaryEnding));
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })));
}

/** @throws the system's error, ENOENT where there is no file */
export async function versionOf(file: string | FileHandle): Promise<FileVersion> {
  const { ino, mtimeNs } = await (typeof file === "string"
    ? stat(file, { bigint: true })
    : file.stat({ bigint: true }));
  return { inode: ino, modifiedNs: mtimeNs };
}
