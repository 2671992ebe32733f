/**
 * Which model computes when two are loaded. A completion is short and soon out of date, so it does not wait for an answer
 * to end: the inline model computes between two passes of the chat model. A pass that runs is not interrupted.
 * node-llama-cpp keeps their passes apart (`exactly` in residentModel.ts).
 */
import { abandonOnAbort, type Stoppable } from "./stop.js";

export class PassScheduler {
  #interjection: Promise<void> | undefined;
  #waitedMs = 0;

  /** How long the chat model has waited, in milliseconds. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** Runs work of the inline model before the next pass of the chat model. One at a time. */
  async interject<T>(work: () => Promise<T>): Promise<T> {
    let end: () => void = () => undefined;
    this.#interjection = new Promise((resolve) => {
      end = resolve;
    });
    try {
      return await work();
    } finally {
      this.#interjection = undefined;
      end();
    }
  }

  /** To be awaited before each pass of the chat model: one is made after each interjection at least. */
  async pass(signal: AbortSignal): Promise<void> {
    if (!this.#interjection || signal.aborted) return;
    const start = performance.now();
    const done = new AbortController();
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true, signal: done.signal });
    });
    await Promise.race([this.#interjection, aborted]);
    done.abort();
    this.#waitedMs += performance.now() - start;
  }
}

/**
 * The tokens of `steps`; before each it waits until the chat model may compute. Ends early where a step still runs a while after
 * the signal was aborted.
 */
export async function* withPassScheduling<Value, Replacement>(
  steps: AsyncGenerator<Value, void, Replacement | undefined>,
  context: Stoppable & { beforePass(): Promise<void> },
): AsyncGenerator<Value, void, Replacement | undefined> {
  let abandoned = false;
  try {
    let replacement: Replacement | undefined;
    while (true) {
      await context.beforePass();
      const step = await abandonOnAbort(context, steps.next(replacement));
      abandoned = step === undefined;
      if (!step || step.done) return;
      replacement = yield step.value;
    }
  } finally {
    const ended = steps.return();
    if (abandoned) context.abandon(ended);
    else await ended;
  }
}
