import { type CancellationToken, CancellationTokenSource } from "vscode-jsonrpc";

/** For work of which only the latest is of use: a newer piece cancels the one before. */
export class LatestOnly {
  private current: CancellationTokenSource | undefined;

  /** @throws what `work` throws */
  async run<T>(work: (token: CancellationToken) => Promise<T>, token: CancellationToken): Promise<T> {
    this.cancel();
    const cancellation = new CancellationTokenSource();
    // Taken now: the token of a source that was cancelled before has no event, and the sidecar would not be told.
    const ownToken = cancellation.token;
    this.current = cancellation;
    const subscription = token.onCancellationRequested(() => cancellation.cancel());
    try {
      return await work(ownToken);
    } finally {
      subscription.dispose();
      cancellation.dispose();
      if (this.current === cancellation) this.current = undefined;
    }
  }

  /** Cancels what runs. */
  cancel(): void {
    this.current?.cancel();
  }
}
