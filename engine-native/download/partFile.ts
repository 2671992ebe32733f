/** The file that a transfer writes to, and the journal of what is in it. */
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { diskError, requireRoom } from "./disk.js";
import { hasCode } from "./errors.js";
import { received, type TransferState } from "./record.js";

/** Takes down where everything stands now; the returned function writes that, once the file's bytes are on the disk. */
export type Snapshot = () => () => Promise<void>;

export class PartFile {
  private readonly folder: string;
  private writing: Promise<void> = Promise.resolve();
  private saving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: FileHandle,
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
      return new PartFile(file, path, state, snapshot);
    } catch (error) {
      throw diskError(error, dirname(path));
    }
  }

  /**
   * Writes chunks of `size` bytes together. One write at a time: file systems let only one into a file, and the threads
   * of others would wait for it on the processor.
   * @throws DownloadError `disk`
   */
  write(chunks: Uint8Array[], size: number, position: number): Promise<void> {
    const next = this.writing.then(() => this.writeNow(chunks, size, position));
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
    await this.file.close();
  }

  private async writeNow(chunks: Uint8Array[], size: number, position: number): Promise<void> {
    try {
      let { bytesWritten } = await this.file.writev(chunks, position);
      if (bytesWritten === size) return;
      // A disk that is nearly full takes a part first, and says why it takes no more next.
      const all = Buffer.concat(chunks, size);
      while (bytesWritten < size) {
        const { bytesWritten: more } = await this.file.write(
          all,
          bytesWritten,
          size - bytesWritten,
          position + bytesWritten,
        );
        bytesWritten += more;
      }
    } catch (error) {
      throw diskError(error, this.folder);
    }
  }
}
