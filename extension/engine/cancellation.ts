/** Bridges VS Code's way of cancelling and the web's: `cancelledBy` of protocol/client.ts is the other direction. */
import type { CancellationToken } from "vscode-jsonrpc";
import { Cancelled } from "./errors.js";

/** Runs `work` with a signal that is aborted, with Cancelled as its reason, when `token` is cancelled, or was before. */
export async function abortedBy<Result>(
  token: CancellationToken,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const abort = () => controller.abort(new Cancelled());
  const subscription = token.onCancellationRequested(abort);
  if (token.isCancellationRequested) abort();
  try {
    return await work(controller.signal);
  } finally {
    subscription.dispose();
  }
}
