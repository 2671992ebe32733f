/** A folder of models: what is there is read from it each time. */

import { constants } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import * as l10n from "@vscode/l10n";
import { syncFolder } from "../../protocol/syncFolder.js";
import { hasCode } from "../../protocol/systemErrors.js";
import { diskError, requireDiskSpace } from "../disk.js";
import { doneBytes, totalBytes } from "../download.js";
import { DownloadError } from "../errors.js";
import { type ModelRecord, modelName } from "../record.js";
import { partOf, siblingPart } from "../sources/names.js";
import { hashFile } from "../transfer/hasher.js";
import {
  type Conversion,
  convertedName,
  readConversions,
  removeConversion,
  storeName,
  writeConversion,
} from "./conversion.js";
import { Model, nameOfRecordFile, workFolder } from "./model.js";

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

export class ModelsFolder {
  /** @param path of the folder, which need not be there yet */
  constructor(readonly path: string) {}

  /** Where everything about the model of this name is, whether it is there or not. */
  model(name: string): Model {
    return new Model(this.path, name);
  }

  /** All models of the folder, by name. A folder that is not there has none. @throws when it can't be read */
  async list(): Promise<LibraryModel[]> {
    const [records, conversions, files] = await Promise.all([
      this.records(),
      readConversions(this.path),
      fileSizes(this.path),
    ]);
    const models = await Promise.all(records.map((record) => this.describe(record, files)));
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
        ...{ name, path: join(this.path, name), files: own, state: "ready", bytes, totalBytes: bytes, busy: false },
        ...{ record: undefined, ...(converted ? { converted: { from } } : {}) },
      });
    }
    for (const model of models) {
      const conversion = conversions.find(({ source }) => source === model.name);
      if (conversion) model.conversion = conversion;
    }
    return models.sort((one, other) => one.name.localeCompare(other.name));
  }

  /**
   * Reads all of a model again and compares it with its checksums; takes down what was found.
   * @returns what is wrong with it; undefined when nothing is
   * @throws DownloadError `reference` for a model without a checksum; what `signal` says when it is aborted
   */
  async verify(
    { record, name, bytes }: LibraryModel,
    signal: AbortSignal,
    onProgress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<string | undefined> {
    if (!record?.files.every(({ digest }) => digest)) {
      throw new DownloadError("reference", l10n.t("{0} can't be verified: its source gave no checksum.", name));
    }
    let before = 0;
    let damaged: string | undefined;
    for (const { name, digest } of record.files) {
      const path = join(this.path, name);
      const { size } = await stat(path);
      if (digest) {
        const found = await hashFile(path, size, digest.algorithm, signal, (done) => onProgress(before + done, bytes));
        if (found !== digest.hex)
          damaged ??= l10n.t("{0} does not match its checksum. Delete it and download it again.", name);
      }
      before += size;
    }
    const verified = { at: new Date().toISOString(), ...(damaged === undefined ? {} : { damaged }) };
    await this.model(name).writeRecord({ ...record, verified });
    return damaged;
  }

  /**
   * Removes a model's files and all that is known of it; what was converted from it stays.
   * @throws DownloadError `busy` while it is being downloaded or converted
   */
  async delete({ name, files, record, converted, conversion }: LibraryModel): Promise<void> {
    const model = this.model(name);
    const lock = await model.lock();
    try {
      if (conversion && !conversion.verified) await removeConversion(model);
      for (const file of [...files, name + expertsEnding]) await rm(model.pathOf(file), { force: true });
      if (record) await model.removeRecord(record);
    } catch (error) {
      throw diskError(error, this.path);
    } finally {
      await lock.release();
    }
    // Not before its own lock, by the same name, is free.
    if (converted?.from) await removeConversion(this.model(converted.from.source));
  }

  /**
   * Moves all models to another folder, also to another disk; what is there by the same name stays, and so does its
   * namesake. A model that is not all here, or not all converted, stays as well.
   * @returns how many were moved
   * @throws DownloadError; what `signal` says when it is aborted: then each model is whole in one of the two
   */
  async moveTo(to: ModelsFolder, signal: AbortSignal, onProgress: (name: string) => void): Promise<number> {
    const models = (await this.list()).filter(
      ({ state, busy, conversion }) => state !== "partial" && !busy && (!conversion || conversion.verified),
    );
    const taken = new Set((await to.list()).flatMap(({ files }) => files));
    let moved = 0;
    try {
      await mkdir(workFolder(to.path), { recursive: true });
      for (const model of models.filter(({ files }) => !files.some((file) => taken.has(file)))) {
        signal.throwIfAborted();
        onProgress(model.name);
        await this.moveModel(model, to);
        moved += 1;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw diskError(error, to.path);
    }
    return moved;
  }

  private async moveModel({ name, files, record, converted }: LibraryModel, to: ModelsFolder): Promise<void> {
    for (const file of files) await moveFile(join(this.path, file), join(to.path, file), to.path);
    const experts = name + expertsEnding;
    await moveFile(join(this.path, experts), join(to.path, experts), to.path, false);
    if (converted?.from) {
      await writeConversion(to.model(converted.from.source), converted.from);
      await removeConversion(this.model(converted.from.source));
    }
    if (record) {
      await to.model(name).writeRecord(record);
      await this.model(name).removeRecord(record);
    }
  }

  /** The records that are not damaged. */
  private async records(): Promise<ModelRecord[]> {
    const files = await readdir(workFolder(this.path)).catch((error: unknown) => {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
      throw error;
    });
    const names = files.map(nameOfRecordFile).filter((name) => name !== undefined);
    const records = await Promise.all(names.map((name) => this.model(name).readRecord()));
    return records.filter((record) => record !== undefined);
  }

  private async describe(record: ModelRecord, sizes: Sizes): Promise<LibraryModel> {
    const name = modelName(record);
    const files = record.files.map((file) => file.name);
    const complete = record.verified !== undefined && files.every((file) => sizes.has(file));
    const bytes = complete ? onDisk(sizes, files) : doneBytes(record);
    const changed = record.files.some(
      (file) => file.bytes !== undefined && sizes.get(file.name)?.length !== file.bytes,
    );
    const damaged = record.verified?.damaged !== undefined || changed;
    return {
      name,
      path: join(this.path, name),
      files,
      state: complete ? (damaged ? "damaged" : "ready") : "partial",
      bytes,
      totalBytes: complete ? bytes : totalBytes(record),
      busy: !complete && (await this.model(name).isLocked()),
      record,
    };
  }
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

async function moveFile(from: string, to: string, folder: string, required = true): Promise<void> {
  try {
    await rename(from, to);
    return;
  } catch (error) {
    if (!required && hasCode(error, "ENOENT")) return;
    if (!hasCode(error, "EXDEV")) throw error;
  }
  await requireDiskSpace(folder, (await stat(from)).size);
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
