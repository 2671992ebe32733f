/** Takes what arrives of a span to the disk and to the digest, slot by slot, while more arrives. */

import * as l10n from "@vscode/l10n";
import { DownloadError } from "../errors.js";
import type { TransferState } from "../record.js";
import type { Hasher } from "./hasher.js";
import type { Sink } from "./http.js";
import type { PartFile } from "./partFile.js";
import { type Slot, type Slots, slotBytes } from "./slots.js";

export type Span = TransferState["spans"][number];

export interface SpanWriterOptions {
  file: PartFile;
  slots: Slots;
  hasher: Hasher | undefined;
  /** Everything below is written. */
  front(): number;
  /** `span.next` has moved. */
  onWritten(): void;
}

/** Over a slow line a slot takes long to fill, and people look at the figures. */
const flushAfterMs = 500;

export class SpanWriter {
  /** Where the next byte belongs. */
  next: number;
  /** Holds the byte for position p of the file at p modulo its length: memory and file are aligned alike. */
  private slot: Slot | undefined;
  /** Of its bytes those from here on are still to be sent to the disk. */
  private unsent: number;
  private users: Promise<void>[] = [];
  private flushedAt = performance.now();
  private underWay: Promise<void> = Promise.resolve();
  private failure: { error: unknown } | undefined;
  private ended = false;

  constructor(
    private readonly span: Span,
    private readonly options: SpanWriterOptions,
  ) {
    this.next = this.unsent = span.next;
  }

  /** Where the next bytes may be put before they are added, if there is room now. */
  place(): Uint8Array | undefined {
    this.slot ??= this.options.slots.takeNow();
    return this.slot?.bytes.subarray(this.next % slotBytes);
  }

  /** @throws DownloadError `disk` when something could not be written */
  add(chunk: Uint8Array): Promise<void> | undefined {
    if (this.failure) throw this.failure.error;
    for (let done = 0; done < chunk.length; ) {
      this.slot ??= this.options.slots.takeNow();
      if (!this.slot) return this.addLater(chunk.subarray(done));
      const { bytes } = this.slot;
      const at = this.next % slotBytes;
      const piece = chunk.subarray(done, done + slotBytes - at);
      const there = piece.buffer === bytes.buffer && piece.byteOffset === bytes.byteOffset + at;
      if (!there) bytes.set(piece, at);
      this.next += piece.length;
      done += piece.length;
      if (this.next % slotBytes === 0) {
        this.flush();
        this.release();
      }
    }
    if (performance.now() - this.flushedAt >= flushAfterMs) this.flush();
    return undefined;
  }

  /** Resolves when all that was added is written. Nothing may be put into a place afterwards. @throws DownloadError */
  async end(): Promise<void> {
    this.ended = true;
    this.flush();
    this.release();
    await this.underWay;
    if (this.failure) throw this.failure.error;
  }

  private async addLater(chunk: Uint8Array): Promise<void> {
    const slot = await this.options.slots.take();
    // Whoever waited has left meanwhile: others need it.
    if (this.ended) return this.options.slots.give(slot);
    this.slot = slot;
    await this.add(chunk);
  }

  /** Sends what there is on its way to the disk. */
  private flush(): void {
    this.flushedAt = performance.now();
    const { slot, unsent: position, next, span } = this;
    if (!slot || position === next) return;
    this.unsent = next;
    const at = position % slotBytes;
    const bytes = slot.bytes.subarray(at, at + next - position);
    const { file, slots, hasher, front, onWritten } = this.options;
    if (hasher && front() === position) hasher.written(position);
    // While the digest goes through what an earlier run has left, the network need not wait for it.
    const inOrder = hasher?.queued === position && position - hasher.hashed <= slots.memory.byteLength;
    // Whoever asks for the digest learns that it has failed.
    if (inOrder) this.users.push(hasher.take(slot.start + at, bytes.length).catch(() => undefined));
    const written = file.write(bytes, position, hasher !== undefined && !inOrder).then(() => {
      span.next = next;
      onWritten();
    });
    this.users.push(
      written.catch((error: unknown) => {
        this.failure ??= { error };
      }),
    );
  }

  /** Gives the slot back when nobody uses it any more. */
  private release(): void {
    const { slot, users } = this;
    if (!slot) return;
    this.slot = undefined;
    this.users = [];
    const released = Promise.all(users).then(() => this.options.slots.give(slot));
    this.underWay = Promise.all([this.underWay, released]).then(() => undefined);
  }
}

/** A writer that takes no more than its span; without ranges, more than that is an error. */
export function bounded(writer: SpanWriter, span: Span, ranges: boolean, what: string): Sink {
  return {
    place: () => writer.place(),
    add(chunk) {
      const room = span.end - writer.next;
      if (chunk.length > room && !ranges) {
        throw new DownloadError(
          "damaged",
          l10n.t("{0} is longer than the {1} bytes that the server announced.", what, span.end),
        );
      }
      return writer.add(chunk.subarray(0, room));
    },
    get full() {
      return ranges && writer.next === span.end;
    },
  };
}
