/**
 * Memory for what arrives, between the network, the disk and the digest. Shared, so that the thread that hashes needs
 * no copy, and aligned to pages, which writing around the page cache asks for: of Node's memory only that of
 * WebAssembly is.
 */

/** Bytes of one slot, a multiple of every disk's blocks. Smaller pieces take longer to write, larger ones more memory. */
export const slotBytes = 2 << 20;
const pageBytes = 1 << 16;

/** One piece, which has one owner at a time. */
export interface Slot {
  /** Its first byte, from the start of the memory. */
  readonly start: number;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

export class Slots {
  readonly memory: SharedArrayBuffer;
  private readonly free: Slot[];
  private readonly waiting: ((slot: Slot) => void)[] = [];

  constructor(private count: number) {
    const pages = (count * slotBytes) / pageBytes;
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError("WebAssembly has given memory that is not shared.");
    this.memory = buffer;
    this.free = Array.from({ length: count }, (_, index) => {
      const start = index * slotBytes;
      return { start, bytes: new Uint8Array(buffer, start, slotBytes) };
    });
  }

  /** No more than so many are used from now on. What is never used takes no memory. */
  limit(count: number): void {
    this.count -= this.free.splice(0, this.count - count).length;
  }

  /** A slot that is free, if there is one: the one that was used last. */
  takeNow(): Slot | undefined {
    return this.free.pop();
  }

  /** A slot that is free, or the next that is given back. */
  async take(): Promise<Slot> {
    return this.takeNow() ?? new Promise((resolve) => this.waiting.push(resolve));
  }

  give(slot: Slot): void {
    const next = this.waiting.shift();
    if (next) next(slot);
    else this.free.push(slot);
  }
}
