/** The file that a transfer writes to, and the journal of what is in it. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode } from "../../protocol/systemErrors.js";
import { diskError, requireDiskSpace } from "../disk.js";
import { received, type TransferState } from "../record.js";

/** Takes down where everything stands now; the returned function writes that, once the file's bytes are on the disk. */
export type Snapshot = () => () => Promise<void>;

/** What direct writing is done in multiples of: no disk or file system in use asks for more. */
const blockBytes = 4096;

/** What waits to be written. */
interface Piece {
  bytes: Uint8Array;
  position: number;
  cached: boolean;
  resolve(): void;
  reject(error: unknown): void;
}

export class PartFile {
  private readonly folder: string;
  private readonly waiting: Piece[] = [];
  /** Resolves when nothing waits any more. Never rejects. */
  private writing: Promise<void> | undefined;
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
   * processor. What waits meanwhile is written at once, as far as it belongs together.
   * @param bytes at the beginning of a page, and unchanged until they are written
   * @param cached whether they will be read soon. What is not goes around the page cache, which takes a tenth of the
   *   processor's time; the engine does not read models through it either.
   * @throws DownloadError `disk`
   */
  write(bytes: Uint8Array, position: number, cached: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ bytes, position, cached, resolve, reject });
      this.writing ??= this.writeAll();
    });
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
      if (bytes !== undefined) await requireDiskSpace(this.folder, bytes - received(this.state));
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

  private async writeAll(): Promise<void> {
    for (let [first] = this.waiting; first; [first] = this.waiting) {
      const { position, cached } = first;
      let end = position;
      const count = this.waiting.findIndex((piece) => {
        if (piece.position !== end || piece.cached !== cached) return true;
        end += piece.bytes.length;
        return false;
      });
      const pieces = this.waiting.splice(0, count === -1 ? this.waiting.length : count);
      try {
        await this.writeNow(
          pieces.map(({ bytes }) => bytes),
          position,
          cached,
        );
        for (const { resolve } of pieces) resolve();
      } catch (error) {
        for (const { reject } of pieces) reject(diskError(error, this.folder));
      }
    }
    this.writing = undefined;
  }

  private async writeNow(pieces: Uint8Array[], position: number, cached: boolean): Promise<void> {
    const aligned = position % blockBytes === 0 && pieces.every(({ length }) => length % blockBytes === 0);
    let done = this.direct && !cached && aligned ? await this.writeAround(this.direct, pieces, position) : 0;
    // A disk that is nearly full takes a part first, and says why it takes no more next.
    for (const piece of pieces) {
      const skipped = Math.min(done, piece.length);
      done -= skipped;
      for (let at = skipped; at < piece.length; ) {
        at += (await this.file.write(piece, at, piece.length - at, position + at)).bytesWritten;
      }
      position += piece.length;
    }
  }

  /** @returns how many bytes it has written: none where this file system can't do that after all */
  private async writeAround(direct: FileHandle, pieces: Uint8Array[], position: number): Promise<number> {
    try {
      return (await direct.writev(pieces, position)).bytesWritten;
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
