/** The file that a transfer writes to, and the journal of what is in it. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError, requireRoom } from "./disk.js";
import { hasCode } from "./errors.js";
import { received, type TransferState } from "./record.js";

/** Takes down where everything stands now; the returned function writes that, once the file's bytes are on the disk. */
export type Snapshot = () => () => Promise<void>;

/** What direct writing is done in multiples of: no disk or file system in use asks for more. */
const blockBytes = 4096;

export class PartFile {
  private readonly folder: string;
  private writing: Promise<void> = Promise.resolve();
  private saving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: FileHandle,
    /** The same file, written around the page cache; undefined where that can't be done. */
    private direct: FileHandle | undefined,
    path: string,
    private readonly state: TransferState,
    private readonly snapshot: Snapshot,
  ) {
    this.folder = dirname(path);
  }

  /** @throws DownloadError `disk` */
  static async open(path: string, state: TransferState, snapshot: Snapshot): Promise<PartFile> {
    try {
      const file = await open(path, received(state) > 0 ? "r+" : "w+").catch((error: unknown) => {
        if (!hasCode(error, "ENOENT")) throw error;
        // Somebody has removed it.
        Object.assign(state, { claimed: 0, spans: [] });
        return open(path, "w+");
      });
      // At its full length from the beginning, without taking room: spans are written where they belong.
      if (state.bytes !== undefined) await file.truncate(state.bytes);
      return new PartFile(file, await openDirect(path), path, state, snapshot);
    } catch (error) {
      throw diskError(error, dirname(path));
    }
  }

  /**
   * One write at a time: file systems let only one into a file, and the threads of others would wait for it on the
   * processor.
   * @param bytes at the beginning of a page, and unchanged until they are written
   * @param cached whether they will be read soon. What is not goes around the page cache, which takes a tenth of the
   *   processor's time; the engine does not read models through it either.
   * @throws DownloadError `disk`
   */
  write(bytes: Uint8Array, position: number, cached: boolean): Promise<void> {
    const next = this.writing.then(() => this.writeNow(bytes, position, cached));
    this.writing = next.catch(() => undefined);
    return next;
  }

  /** Puts on the disk what has arrived, then writes that it has. One at a time, in order. @throws DownloadError `disk` */
  save(): Promise<void> {
    const next = this.saving.then(async () => {
      const write = this.snapshot();
      try {
        await this.file.datasync();
        await write();
      } catch (error) {
        throw diskError(error, this.folder);
      }
      const { bytes } = this.state;
      if (bytes !== undefined) await requireRoom(this.folder, bytes - received(this.state));
    });
    this.saving = next.catch(() => undefined);
    return next;
  }

  /** Resolves when no save is under way. */
  get saved(): Promise<void> {
    return this.saving;
  }

  async close(): Promise<void> {
    await Promise.all([this.writing, this.saving]);
    await this.direct?.close();
    await this.file.close();
  }

  private async writeNow(bytes: Uint8Array, position: number, cached: boolean): Promise<void> {
    try {
      let done = 0;
      if (this.direct && !cached && position % blockBytes === 0 && bytes.length % blockBytes === 0) {
        done = await this.writeAround(this.direct, bytes, position);
      }
      // A disk that is nearly full takes a part first, and says why it takes no more next.
      while (done < bytes.length) {
        done += (await this.file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
      }
    } catch (error) {
      throw diskError(error, this.folder);
    }
  }

  /** @returns how many bytes it has written: none where this file system can't do that after all */
  private async writeAround(direct: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
    try {
      return (await direct.write(bytes, 0, bytes.length, position)).bytesWritten;
    } catch (error) {
      if (!hasCode(error, "EINVAL", "EOPNOTSUPP")) throw error;
      this.direct = undefined;
      await direct.close();
      return 0;
    }
  }
}

/** Only Linux has it as a flag, and not every file system of it. */
async function openDirect(path: string): Promise<FileHandle | undefined> {
  if (!constants.O_DIRECT) return undefined;
  try {
    return await open(path, constants.O_WRONLY | constants.O_DIRECT);
  } catch {
    return undefined;
  }
}
