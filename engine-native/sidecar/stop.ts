/** Stopping what may not end soon. */
import { setTimeout as after } from "node:timers/promises";

/**
 * A pass over streamed weights ends well within it, in milliseconds. One of llama.cpp alone cannot be stopped, and a read may
 * hang for as long as the disk does.
 */
const stopMs = 100;

export interface Stoppable {
  signal: AbortSignal;
  /** Takes over work that goes on after its result is not wanted any more: the next work must wait for it. */
  abandon(work: Promise<unknown>): void;
}

const stillRunning = Symbol("still running");

/** @returns the result of `work`; undefined where it still runs a while after the signal was aborted, and is abandoned */
export async function abandonOnAbort<T>({ signal, abandon }: Stoppable, work: Promise<T>): Promise<T | undefined> {
  const done = new AbortController();
  try {
    const result = await Promise.race([work, stopped(signal, done.signal)]);
    if (result !== stillRunning) return result;
    abandon(work);
    return undefined;
  } finally {
    done.abort();
  }
}

/** Resolves a while after the signal; never when it is not needed any more. */
async function stopped(signal: AbortSignal, done: AbortSignal): Promise<typeof stillRunning> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true, signal: done });
  });
  await after(stopMs);
  return stillRunning;
}
