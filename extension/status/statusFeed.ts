import { Emitter } from "vscode-jsonrpc";
import type { Stats } from "../../protocol/messages.js";
import type { EngineClient } from "../engine/engine.js";
import type { EngineSettings, EngineState } from "../engine/state.js";
import type { Snapshot } from "./status.js";

/** How often what is shown may change, and how often memory is asked for while the engine works, in ms. */
const showEveryMs = 200;
const askEveryMs = 1000;

/** What of the engine is followed. */
export type ObservedEngine = Pick<
  EngineClient,
  "state" | "loaded" | "plan" | "lastAnswer" | "crash" | "onDidChangeState" | "onDidCrash" | "stats"
>;

/** Follows the engine for the status bar and the chat: a calm stream of snapshots, with its memory. */
export class StatusFeed {
  private readonly didChange = new Emitter<Snapshot>();
  /** Fires at most every 200 ms. */
  readonly onDidChange = this.didChange.event;

  private stats: Stats | undefined;
  private asking = false;
  private disposed = false;
  private askedAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private warmingTimer: NodeJS.Timeout | undefined;
  private lastKind: EngineState["kind"];
  private readonly subscriptions;

  constructor(
    private readonly engine: ObservedEngine,
    /** The settings as far as they make sense. */
    private readonly settings: () => EngineSettings | undefined,
    private readonly log: (line: string) => void,
    private readonly others: () => Pick<Snapshot, "remote" | "remoteInline" | "serverAddress"> = () => ({}),
  ) {
    this.lastKind = engine.state.kind;
    this.subscriptions = [engine.onDidChangeState((state) => this.follow(state)), engine.onDidCrash(() => this.show())];
  }

  get snapshot(): Snapshot {
    const { state, loaded, plan, lastAnswer, crash } = this.engine;
    return {
      state,
      loaded,
      plan,
      lastAnswer,
      settings: this.settings(),
      stats: loaded && this.stats,
      crash,
      ...this.others(),
    };
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    clearTimeout(this.warmingTimer);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.didChange.dispose();
  }

  private follow(state: EngineState): void {
    const turned = state.kind !== this.lastKind;
    this.lastKind = state.kind;
    if (turned || Date.now() - this.askedAt >= askEveryMs) void this.ask();
    if (turned) this.show();
    else this.timer ??= setTimeout(() => this.show(), showEveryMs);
  }

  /** What is not the engine's has changed: the settings, another machine, or the server. */
  refresh(): void {
    this.show();
  }

  private show(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.didChange.fire(this.snapshot);
  }

  private async ask(): Promise<void> {
    // While it loads the engine has no time to answer, and nothing worth knowing.
    if (this.asking || !this.engine.loaded) return;
    this.asking = true;
    this.askedAt = Date.now();
    try {
      this.stats = await this.engine.stats();
      if (this.disposed) return;
      this.timer ??= setTimeout(() => this.show(), 0);
    } catch (error) {
      this.log(`stats: ${String(error)}`);
    } finally {
      this.asking = false;
      // What is read in the background changes nothing else.
      clearTimeout(this.warmingTimer);
      const warming = !this.disposed && this.stats !== undefined && this.stats.warmingBytes > 0;
      if (warming) this.warmingTimer = setTimeout(() => void this.ask(), askEveryMs);
    }
  }
}
