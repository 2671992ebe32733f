/** The models of a models folder: what is there is read from the folder each time. */
import { constants } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Conversion,
  convertedName,
  readConversions,
  removeConversion,
  storeName,
  writeConversion,
} from "./conversion.js";
import { diskError, requireRoom } from "./disk.js";
import { doneBytes, totalBytes } from "./download.js";
import { DownloadError, hasCode } from "./errors.js";
import { hashFile } from "./hasher.js";
import { acquireLock, isLocked } from "./lock.js";
import { partOf, siblingPart } from "./names.js";
import {
  lockPath,
  type ModelRecord,
  modelName,
  readRecords,
  removeRecord,
  syncFolder,
  workFolder,
  writeRecord,
} from "./record.js";

/** One model of the folder, complete or not. */
export interface LibraryModel {
  /** Of its first file. */
  name: string;
  /** Of its first file, which need not be there yet. */
  path: string;
  /** Names of all its files; of a converted model the second holds its neurons. */
  files: string[];
  state: "partial" | "ready" | "damaged";
  /** On the disk now. */
  bytes: number;
  /** When complete, as far as it is known. */
  totalBytes: number | undefined;
  /** A process is downloading it. */
  busy: boolean;
  /** Absent for files that somebody else has put there. */
  record: ModelRecord | undefined;
  /** Of a converted model; what it was made from is known where that was done in this folder. */
  converted?: { from: Conversion | undefined };
  /** Of a model that is to be converted, or was and is still here. */
  conversion?: Conversion;
}

/** Kept by the engine beside a model: the experts that it uses most (docs/experts.md). */
const expertsEnding = ".experts";

/** All models of a folder, by name. A folder that is not there has none. @throws when it can't be read */
export async function listLibrary(folder: string): Promise<LibraryModel[]> {
  const [records, conversions, files] = await Promise.all([
    readRecords(folder),
    readConversions(folder),
    fileSizes(folder),
  ]);
  const models = await Promise.all(records.map((record) => describe(folder, record, files)));
  const known = new Set(models.flatMap(({ files }) => files));
  for (const name of files.keys()) {
    const part = partOf(name);
    if (known.has(name) || !isModel(name) || (part && part.index !== 1)) continue;
    const own = Array.from({ length: part?.count ?? 1 }, (_, index) => siblingPart(name, index + 1));
    if (!own.every((file) => files.has(file))) continue;
    const store = storeName(name);
    const converted = store !== undefined && files.has(store);
    if (converted) own.push(store);
    const bytes = onDisk(files, own);
    const from = conversions.find(({ source, verified }) => verified && convertedName(source) === name);
    models.push({
      ...{ name, path: join(folder, name), files: own, state: "ready", bytes, totalBytes: bytes, busy: false },
      ...{ record: undefined, ...(converted ? { converted: { from } } : {}) },
    });
  }
  for (const model of models) {
    const conversion = conversions.find(({ source }) => source === model.name);
    if (conversion) model.conversion = conversion;
  }
  return models.sort((one, other) => one.name.localeCompare(other.name));
}

async function describe(folder: string, record: ModelRecord, sizes: Sizes): Promise<LibraryModel> {
  const name = modelName(record);
  const files = record.files.map((file) => file.name);
  const complete = record.verified !== undefined && files.every((file) => sizes.has(file));
  const bytes = complete ? onDisk(sizes, files) : doneBytes(record);
  const changed = record.files.some((file) => file.bytes !== undefined && sizes.get(file.name)?.length !== file.bytes);
  const damaged = record.verified?.damaged !== undefined || changed;
  return {
    name,
    path: join(folder, name),
    files,
    state: complete ? (damaged ? "damaged" : "ready") : "partial",
    bytes,
    totalBytes: complete ? bytes : totalBytes(record),
    busy: !complete && (await isLocked(lockPath(folder, name))),
    record,
  };
}

/** Of each file its length, and what it takes of the disk: less where it has holes. */
type Sizes = Map<string, { length: number; onDisk: number }>;

const onDisk = (sizes: Sizes, files: readonly string[]) =>
  files.reduce((total, file) => total + (sizes.get(file)?.onDisk ?? 0), 0);

const isModel = (name: string) => /.\.gguf$/i.test(name);

async function fileSizes(folder: string): Promise<Sizes> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  });
  const sizes: Sizes = new Map();
  for (const name of names.filter((name) => isModel(name) || name.endsWith(".flash"))) {
    const info = await stat(join(folder, name)).catch(() => undefined);
    if (!info?.isFile()) continue;
    // Only where the model says that it has holes: file systems that compress would tell of less, too.
    const holes = storeName(name) !== undefined && process.platform !== "win32";
    sizes.set(name, { length: info.size, onDisk: holes ? Math.min(info.size, info.blocks * 512) : info.size });
  }
  return sizes;
}

/**
 * Reads all of a model again and compares it with what its source promised; takes down what was found.
 * @returns what is wrong with it; undefined when nothing is
 * @throws DownloadError `reference` for a model whose source promised nothing; what `signal` says when it is aborted
 */
export async function verifyModel(
  folder: string,
  { record, name, bytes }: LibraryModel,
  signal: AbortSignal,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<string | undefined> {
  if (!record?.files.every(({ digest }) => digest)) {
    throw new DownloadError(
      "reference",
      `Where ${name} came from, no digest was given: there is nothing to compare it with.`,
    );
  }
  let before = 0;
  let damaged: string | undefined;
  for (const { name, digest } of record.files) {
    const path = join(folder, name);
    const { size } = await stat(path);
    if (digest) {
      const found = await hashFile(path, size, digest.algorithm, signal, (done) => onProgress(before + done, bytes));
      if (found !== digest.hex)
        damaged ??= `${name} differs from what its source has: delete it and download it again.`;
    }
    before += size;
  }
  const verified = { at: new Date().toISOString(), ...(damaged === undefined ? {} : { damaged }) };
  await writeRecord(folder, { ...record, verified });
  return damaged;
}

/**
 * Removes a model's files and all that is known of it; what was converted from it stays.
 * @throws DownloadError `busy` while it is being downloaded or converted
 */
export async function deleteModel(folder: string, model: LibraryModel): Promise<void> {
  const { name, files, record, converted, conversion } = model;
  const lock = await acquireLock(lockPath(folder, name));
  try {
    if (conversion && !conversion.verified) await removeConversion(folder, name);
    for (const file of [...files, name + expertsEnding]) await rm(join(folder, file), { force: true });
    if (record) await removeRecord(folder, record);
  } catch (error) {
    throw diskError(error, folder);
  } finally {
    await lock.release();
  }
  // Not before its own lock, by the same name, is free.
  if (converted?.from) await removeConversion(folder, converted.from.source);
}

/**
 * Moves all models of one folder to another, also to another disk; what is there by the same name stays, and so does
 * its namesake. A model that is not all here, or not all converted, stays as well.
 * @returns how many were moved
 * @throws DownloadError; what `signal` says when it is aborted: then each model is whole in one of the two
 */
export async function moveLibrary(
  from: string,
  to: string,
  signal: AbortSignal,
  onProgress: (name: string) => void,
): Promise<number> {
  const models = (await listLibrary(from)).filter(
    ({ state, busy, conversion }) => state !== "partial" && !busy && (!conversion || conversion.verified),
  );
  const taken = new Set((await listLibrary(to)).flatMap(({ files }) => files));
  let moved = 0;
  try {
    await mkdir(workFolder(to), { recursive: true });
    for (const model of models.filter(({ files }) => !files.some((file) => taken.has(file)))) {
      signal.throwIfAborted();
      onProgress(model.name);
      for (const file of model.files) await moveFile(join(from, file), join(to, file), to);
      await moveFile(join(from, model.name + expertsEnding), join(to, model.name + expertsEnding), to, false);
      if (model.converted?.from) {
        await writeConversion(to, model.converted.from);
        await removeConversion(from, model.converted.from.source);
      }
      if (model.record) {
        await writeRecord(to, model.record);
        await removeRecord(from, model.record);
      }
      moved += 1;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw diskError(error, to);
  }
  return moved;
}

async function moveFile(from: string, to: string, folder: string, required = true): Promise<void> {
  try {
    await rename(from, to);
    return;
  } catch (error) {
    if (!required && hasCode(error, "ENOENT")) return;
    if (!hasCode(error, "EXDEV")) throw error;
  }
  await requireRoom(folder, (await stat(from)).size);
  const temporary = join(workFolder(folder), `moving-${process.pid}.part`);
  try {
    await copyFile(from, temporary, constants.COPYFILE_FICLONE);
    const copy = await open(temporary, "r+");
    await copy.sync().finally(() => copy.close());
    await rename(temporary, to);
    await syncFolder(folder);
  } finally {
    await rm(temporary, { force: true });
  }
  await rm(from);
}
