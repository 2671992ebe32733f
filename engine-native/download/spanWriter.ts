/** Takes what arrives of a span to the disk and to the digest, slot by slot, while more arrives. */
import type { Hasher } from "./hasher.js";
import type { PartFile } from "./partFile.js";
import type { TransferState } from "./record.js";
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

export class SpanWriter {
  private slot: Slot | undefined;
  /** Where the slot's first byte belongs, and how many it has. */
  private position: number;
  private filled = 0;
  private flushedAt = performance.now();
  private underWay: Promise<void> = Promise.resolve();
  private failure: { error: unknown } | undefined;

  constructor(
    private readonly span: Span,
    private readonly options: SpanWriterOptions,
  ) {
    this.position = span.next;
  }

  /** Where the next byte belongs. */
  get next(): number {
    return this.position + this.filled;
  }

  /** For how long nothing has been on its way to the disk, in milliseconds. */
  get idleMs(): number {
    return performance.now() - this.flushedAt;
  }

  /** The chunk may change when this resolves. @throws DownloadError `disk` when something could not be written */
  async add(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      this.slot ??= await this.options.slots.take();
      // Slots end at multiples of their length in the file: after an odd one they are aligned again.
      const room = slotBytes - (this.next % slotBytes);
      const piece = chunk.subarray(done, done + room);
      this.slot.bytes.set(piece, this.filled);
      this.filled += piece.length;
      done += piece.length;
      if (piece.length === room) this.flush();
    }
    if (this.failure) throw this.failure.error;
  }

  /** Sends what there is on its way to the disk. */
  flush(): void {
    const { slot, position, filled } = this;
    this.flushedAt = performance.now();
    if (!slot) return;
    this.slot = undefined;
    this.position += filled;
    this.filled = 0;
    const { file, slots, hasher, front, onWritten } = this.options;
    if (hasher && front() === position) hasher.written(position);
    const inOrder = hasher?.told === position;
    const hashed = inOrder ? hasher.take(slot, filled) : undefined;
    const written = file.write(slot.bytes.subarray(0, filled), position, hasher !== undefined && !inOrder).then(
      () => {
        this.span.next = position + filled;
        onWritten();
      },
      (error: unknown) => {
        this.failure ??= { error };
      },
    );
    // A digest that has failed is told to whoever asks for it.
    const released = Promise.allSettled([written, hashed]).then(() => slots.give(slot));
    this.underWay = Promise.all([this.underWay, released]).then(() => undefined);
  }

  /** Resolves when all that was added is written. @throws DownloadError `disk` */
  async end(): Promise<void> {
    this.flush();
    await this.underWay;
    if (this.failure) throw this.failure.error;
  }
}
