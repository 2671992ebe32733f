import type { Event } from "vscode-jsonrpc";

/** Resolves when `event` fires. */
export const once = (event: Event<unknown>) =>
  new Promise<void>((resolve) => {
    const subscription = event(() => {
      subscription.dispose();
      resolve();
    });
  });

/** Resolves when `event` fires. @throws what `signal` says when it is aborted before */
export async function eventOr(event: Event<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const aborted = () => {
      subscription.dispose();
      reject(signal.reason);
    };
    const subscription = event(() => {
      subscription.dispose();
      signal.removeEventListener("abort", aborted);
      resolve();
    });
    signal.addEventListener("abort", aborted, { once: true });
  });
}
