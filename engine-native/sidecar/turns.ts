/**
 * Who computes when two models are loaded. What the inline model says is short and soon of no use, so it does not wait for
 * an answer to end: the chat model lets it go first between two passes over its weights. A pass that runs is not interrupted.
 * node-llama-cpp keeps their passes apart (`exactly` in whole.ts).
 */
import { orLeave, type Stoppable } from "./stop.js";

export class Turns {
  #interjection: Promise<void> | undefined;
  #waitedMs = 0;

  /** How long the chat model has waited, in milliseconds. */
  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** Does what goes first. One at a time. */
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
 * The tokens of `steps`, before each of which it is awaited that there may be a pass. Ends early where one still goes on a while
 * after the signal.
 */
export async function* withTurns<Value, Replacement>(
  steps: AsyncGenerator<Value, void, Replacement | undefined>,
  context: Stoppable & { beforePass(): Promise<void> },
): AsyncGenerator<Value, void, Replacement | undefined> {
  let left = false;
  try {
    let replacement: Replacement | undefined;
    while (true) {
      await context.beforePass();
      const step = await orLeave(context, steps.next(replacement));
      left = step === undefined;
      if (!step || step.done) return;
      replacement = yield step.value;
    }
  } finally {
    const ended = steps.return();
    if (left) context.leaveBehind(ended);
    else await ended;
  }
}
