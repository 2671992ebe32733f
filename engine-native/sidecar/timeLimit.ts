/** Ends JavaScript that may run for ever. A model's chat template is a program, and its file may come from anywhere. */
import { runInNewContext } from "node:vm";

/**
 * Runs `work`, which does not wait for anything, for so long at most.
 * @throws TimeLimitError; what `work` throws
 */
export function withTimeLimit<T>(limitMs: number, work: () => T): T {
  let done: { value: T } | undefined;
  const run = () => {
    done = { value: work() };
  };
  try {
    // V8 ends whatever runs inside, also what is not of the new context.
    runInNewContext("run()", { run }, { timeout: limitMs });
  } catch (error) {
    if (isTimeout(error)) throw new TimeLimitError(limitMs);
    throw error;
  }
  if (!done) throw new TimeLimitError(limitMs);
  return done.value;
}

export class TimeLimitError extends Error {
  constructor(limitMs: number) {
    super(`It ran for longer than ${limitMs / 1000} s.`);
  }
}

/** It is an Error of the other context. */
const isTimeout = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
