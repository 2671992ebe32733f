/**
 * The request that code runs for. A library may start work that nobody awaits (node-llama-cpp 3.22.1 does while it decodes): its
 * error must end that request, which would wait for ever otherwise, and nothing else.
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** Why a request's signal is aborted where an error was thrown that nobody awaits. Its own work may never end. */
export class UnawaitedError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

const scope = new AsyncLocalStorage<AbortController>();

/** Runs a request's work. @throws UnawaitedError as soon as {@link failRequest} is called within it. */
export async function inRequestScope<T>(controller: AbortController, work: () => Promise<T>): Promise<T> {
  const { signal } = controller;
  const failed = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => signal.reason instanceof UnawaitedError && reject(signal.reason), {
      once: true,
    });
  });
  return Promise.race([scope.run(controller, work), failed]);
}

/** Ends the request that this runs for with the error. @returns false where it runs for none */
export function failRequest(error: unknown): boolean {
  const controller = scope.getStore();
  controller?.abort(new UnawaitedError(error));
  return controller !== undefined;
}
