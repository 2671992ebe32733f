import { type CancellationToken, CancellationTokenSource, type Event } from "vscode-jsonrpc";
import type { EngineState } from "./state.js";

/** While it lasts no model may be loaded, because `source` is converted. */
export class MemoryLease {
  readonly state: EngineState;
  private readonly ended = new CancellationTokenSource();

  /** @param thenLoad a model is to be loaded afterwards */
  constructor(
    source: string,
    public thenLoad: boolean,
  ) {
    this.state = { kind: "converting", source };
  }

  end(): void {
    this.ended.cancel();
  }

  /** Resolves when it ends or `token` is cancelled. */
  async over(token: CancellationToken): Promise<void> {
    const { token: ended } = this.ended;
    if (ended.isCancellationRequested || token.isCancellationRequested) return;
    await Promise.race([once(ended.onCancellationRequested), once(token.onCancellationRequested)]);
  }
}

/** Resolves when `event` fires. */
const once = (event: Event<unknown>) =>
  new Promise<void>((resolve) => {
    const subscription = event(() => {
      subscription.dispose();
      resolve();
    });
  });
