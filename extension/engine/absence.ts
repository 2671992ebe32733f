import { type CancellationToken, CancellationTokenSource } from "vscode-jsonrpc";
import { once } from "./events.js";
import type { EngineState } from "./state.js";

/** While no model may be loaded, because `source` is converted. */
export class Absence {
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

  /** Resolves with its end, or when `token` is cancelled. */
  async over(token: CancellationToken): Promise<void> {
    const { token: ended } = this.ended;
    if (ended.isCancellationRequested || token.isCancellationRequested) return;
    await Promise.race([once(ended.onCancellationRequested), once(token.onCancellationRequested)]);
  }
}
