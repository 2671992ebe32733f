import { type CancellationToken, CancellationTokenSource } from "vscode-jsonrpc";
import {
  type LoadParams,
  type LoadProgress,
  type LoadResult,
  loadProgress,
  loadRequest,
  type Plan,
  planRequest,
} from "../../protocol/messages.js";
import { Cancelled } from "./errors.js";
import { withProgress } from "./progress.js";
import type { SidecarProcess } from "./sidecarProcess.js";
import { type EngineSettings, planParams } from "./state.js";

/** How the load that counts goes on. */
export type LoadEvent =
  | { kind: "started" }
  | { kind: "loading"; progress?: LoadProgress }
  | { kind: "loaded" }
  | { kind: "cancelled" }
  | { kind: "failed"; error: unknown };

/**
 * For a load that was given up to end, in ms. A sidecar that takes longer is stuck, as in a chat template without end, and is
 * ended. A load gives up within a moment, as a rule; a disk that sleeps wakes up meanwhile.
 */
const patienceMs = 5000;

export interface ModelLoaderOptions {
  process: Pick<SidecarProcess, "use" | "stop">;
  /** Where KV caches are kept on disk; absent: nowhere. */
  kvCacheFolder?: string | undefined;
  /** Resolves when a model may take memory, or `token` is cancelled. */
  memory(token: CancellationToken): Promise<void>;
  onEvent(event: LoadEvent): void;
}

interface Load {
  cancellation: CancellationTokenSource;
  result: Promise<LoadResult>;
}

/** Loads models into the sidecar, one load at a time, and knows what is loaded. */
export class ModelLoader {
  private pending: Load | undefined;
  /** Settles when the sidecar is done with the load before, which it wants to be before it takes another. */
  private last: Promise<unknown> = Promise.resolve();
  private model: LoadResult | undefined;
  private forecast: Plan | undefined;

  constructor(private readonly options: ModelLoaderOptions) {}

  /** What is loaded, while something is. */
  get loaded(): LoadResult | undefined {
    return this.model;
  }
  get isLoading(): boolean {
    return this.pending !== undefined;
  }
  /** What lives where, and how fast it will be: known a moment after a load began. */
  get plan(): Plan | undefined {
    return this.model?.plan ?? this.forecast;
  }

  /**
   * Loads unless it is loaded; joins a load under way. Cancelling ends the load for all who wait for it.
   * @param settings called when a load starts
   * @throws what `settings` throws; Cancelled, EngineStopped, or a ResponseError with an ErrorCode of the protocol
   */
  async load(settings: () => EngineSettings, token: CancellationToken): Promise<LoadResult> {
    if (this.model) return this.model;
    const load = this.pending ?? this.start(settings());
    if (token.isCancellationRequested) load.cancellation.cancel();
    const subscription = token.onCancellationRequested(() => load.cancellation.cancel());
    try {
      return await load.result;
    } finally {
      subscription.dispose();
    }
  }

  /** Ends a load under way, and forgets what is loaded. */
  reset(): void {
    this.pending?.cancellation.cancel();
    this.forget();
    this.forecast = undefined;
  }

  /** The sidecar is gone, and with it what was loaded. @returns whether something was loaded or loading */
  forget(): boolean {
    const wasUsed = this.model !== undefined || this.isLoading;
    this.pending = undefined;
    this.model = undefined;
    return wasUsed;
  }

  private start(settings: EngineSettings): Load {
    const cancellation = new CancellationTokenSource();
    const result = this.run(settings, cancellation, () => this.pending === load);
    const load = { cancellation, result };
    this.pending = load;
    this.last = Promise.allSettled([result]);
    this.options.onEvent({ kind: "started" });
    return load;
  }

  /** @param isCurrent whether it counts: not after a reset */
  private async run(
    settings: EngineSettings,
    cancellation: CancellationTokenSource,
    isCurrent: () => boolean,
  ): Promise<LoadResult> {
    const { process, memory, onEvent } = this.options;
    const { token } = cancellation;
    try {
      await this.lastEnded();
      await memory(token);
      if (token.isCancellationRequested) throw new Cancelled();
      const result = await process.use(async (connection) => {
        const params = planParams(settings);
        const plan = await connection.sendRequest(planRequest, params);
        if (token.isCancellationRequested) throw new Cancelled();
        if (isCurrent()) {
          this.forecast = plan;
          onEvent({ kind: "loading" });
        }
        return withProgress(
          connection,
          loadProgress,
          (progress) => isCurrent() && onEvent({ kind: "loading", progress }),
          (progressToken) =>
            connection.sendRequest(
              loadRequest,
              { ...params, ...this.kvCache(settings), engine: "flash", progressToken },
              token,
            ),
        );
      });
      if (!isCurrent()) throw new Cancelled();
      this.pending = undefined;
      this.model = result;
      onEvent({ kind: "loaded" });
      return result;
    } catch (error) {
      const cancelled = token.isCancellationRequested || error instanceof Cancelled;
      if (isCurrent()) {
        this.pending = undefined;
        onEvent(cancelled ? { kind: "cancelled" } : { kind: "failed", error });
      }
      throw cancelled ? new Cancelled() : error;
    } finally {
      cancellation.dispose();
    }
  }

  private kvCache({ kvCacheBytes: budgetBytes }: EngineSettings): Pick<LoadParams, "kvCache"> {
    const { kvCacheFolder: folder } = this.options;
    return folder === undefined || budgetBytes === undefined ? {} : { kvCache: { folder, budgetBytes } };
  }

  /** Waits until the sidecar is done with the load before, or ends the sidecar where it does not come to an end. */
  private async lastEnded(): Promise<void> {
    const { process } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const stuck = new Promise<"stuck">((resolve) => {
      timer = setTimeout(() => resolve("stuck"), patienceMs);
    });
    const ended = await Promise.race([this.last, stuck]);
    clearTimeout(timer);
    if (ended === "stuck") await process.stop();
  }
}
