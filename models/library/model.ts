/** One model of a models folder, by the name of its first file: where everything about it is kept. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readJson, removeLeftovers, writeJson } from "../files/atomicJson.js";
import { type ModelRecord, modelName, recordSchema } from "../record.js";
import { acquireLock, isLocked, type Lock } from "./lock.js";

/** Where Flint keeps what is not a model: records, locks, and the bytes of unfinished downloads. */
export const workFolder = (folder: string): string => join(folder, ".flint");

const recordEnding = ".json";

/** Of a file in {@link workFolder}: the model whose record it is. Undefined for other files. */
export function nameOfRecordFile(file: string): string | undefined {
  return file.endsWith(recordEnding) ? file.slice(0, -recordEnding.length) : undefined;
}

export class Model {
  /** Of its first file, which need not be there yet. */
  readonly path: string;
  private readonly recordPath: string;
  private readonly lockPath: string;

  /**
   * @param folder path of the models folder
   * @param name of the first file
   */
  constructor(
    readonly folder: string,
    readonly name: string,
  ) {
    this.path = join(folder, name);
    this.recordPath = this.workPath(`${name}${recordEnding}`);
    this.lockPath = this.workPath(`${name}.lock`);
  }

  /** Path of another of its files, or of one that belongs beside them. */
  pathOf(file: string): string {
    return join(this.folder, file);
  }

  /** Path of a file or folder of its own that is not part of the model. */
  workPath(file: string): string {
    return join(workFolder(this.folder), file);
  }

  /** Where transfer `index` is written to. */
  partPath(index: number): string {
    return this.workPath(`${this.name}.${index}.part`);
  }

  /** Undefined where there is none, or it is damaged. @throws the system's error when the disk fails */
  async readRecord(): Promise<ModelRecord | undefined> {
    const file = await readJson(this.recordPath, recordSchema);
    return file.kind === "value" && modelName(file.value) === this.name ? file.value : undefined;
  }

  /** The user alone may read it: an address may hold a secret. @throws the system's error when the disk fails */
  async writeRecord(record: ModelRecord): Promise<void> {
    await writeJson(this.recordPath, record);
  }

  /** Removes the record and the bytes of an unfinished download. The model's own files stay. */
  async removeRecord({ transfers }: ModelRecord): Promise<void> {
    for (let index = 0; index <= transfers.length; index++) await rm(this.partPath(index), { force: true });
    await rm(this.recordPath, { force: true });
  }

  /** For a download, a conversion to this model, or its deletion. @throws DownloadError `busy` while somebody has it */
  async lock(): Promise<Lock> {
    const lock = await acquireLock(this.lockPath);
    try {
      await removeLeftovers(this.recordPath);
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Whether a process has its lock now. */
  isLocked(): Promise<boolean> {
    return isLocked(this.lockPath);
  }
}
