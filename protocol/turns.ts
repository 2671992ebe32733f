import PQueue from "p-queue";

/** Lets one piece of work run at a time, in the order in which they were asked for. */
export class Turns {
  private readonly queue = new PQueue({ concurrency: 1 });

  /** Whether work runs, so that more would have to wait. */
  get isBusy(): boolean {
    return this.queue.pending > 0;
  }

  /**
   * Runs `work` in its turn.
   * @param signal ends the wait only. Work that has begun keeps its turn until it ends by itself, which the queue's own
   *   signal would not wait for.
   * @throws the reason of `signal`, at once; what `work` throws
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const waiting = new AbortController();
    const giveUp = () => waiting.abort(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    const begin = () => {
      signal.removeEventListener("abort", giveUp);
      return work();
    };
    return this.queue.add(begin, { signal: waiting.signal });
  }
}
