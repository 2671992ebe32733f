import { isDeepStrictEqual } from "node:util";
import { CancellationToken, CancellationTokenSource, Emitter } from "vscode-jsonrpc";
import type { Sidecar } from "../../engine-native/client.js";
import {
  type ChatParams,
  type CompleteParams,
  type ConversionPlan,
  chatRequest,
  completeRequest,
  type GenerationProgress,
  type GenerationResult,
  generationProgress,
  type LoadResult,
  loadProgress,
  loadRequest,
  type Plan,
  type PlanConversionParams,
  type PlanParams,
  planConversionRequest,
  planRequest,
  type Stats,
  statsRequest,
} from "../../engine-native/protocol.js";
import { Absence } from "./absence.js";
import { Cancelled, type EngineStopped, NoModel } from "./errors.js";
import { eventOr } from "./events.js";
import { withProgress } from "./progress.js";
import { RestartPolicy } from "./restartPolicy.js";
import { SidecarProcess } from "./sidecarProcess.js";
import { afterProgress, type EngineSettings, type EngineState } from "./state.js";

export interface EngineOptions {
  /** Starts a sidecar. */
  start(): Promise<Sidecar>;
  /** The settings of now; undefined when no model is chosen. @throws InvalidSetting */
  settings(): EngineSettings | undefined;
  /** Takes one line for the log. */
  log(line: string): void;
}

interface Load {
  cancellation: CancellationTokenSource;
  result: Promise<LoadResult>;
}

/**
 * The engine as the extension sees it: loads the models of the settings when they are first needed, generates one answer
 * at a time, and comes back after a crash. Knows no VS Code.
 */
export class Engine {
  private readonly process: SidecarProcess;
  private readonly policy = new RestartPolicy();
  private readonly didChangeState = new Emitter<EngineState>();
  private readonly didCrash = new Emitter<EngineStopped>();
  /** Fires for every change of `state`, each generated token included. */
  readonly onDidChangeState = this.didChangeState.event;
  /** Fires when the sidecar ended by itself, after it was decided whether to restart it. */
  readonly onDidCrash = this.didCrash.event;

  private currentState: EngineState = { kind: "empty" };
  private settings: EngineSettings | undefined;
  private settingsError: unknown;
  private pendingLoad: Load | undefined;
  /** Settles when the sidecar is done with the load before, which it wants to be before it takes another. */
  private lastLoad: Promise<unknown> = Promise.resolve();
  private model: LoadResult | undefined;
  private forecast: Plan | undefined;
  private chatting = false;
  private readonly didChat = new Emitter<void>();
  private absence: Absence | undefined;
  private completion: CancellationTokenSource | undefined;
  private lastSpeed: number | undefined;
  private untoldCrash: EngineStopped | undefined;

  constructor(private readonly options: EngineOptions) {
    this.process = new SidecarProcess(() => options.start());
    this.process.onDidCrash((stop) => this.crashed(stop));
    this.readSettings();
  }

  get state(): EngineState {
    return this.currentState;
  }
  /** Process id of the sidecar, while one runs. */
  get pid(): number | undefined {
    return this.process.pid;
  }
  /** What is loaded, while something is. */
  get loaded(): LoadResult | undefined {
    return this.model;
  }
  /** What lives where, and how fast it will be: known a moment after a load began. */
  get plan(): Plan | undefined {
    return this.model?.plan ?? this.forecast;
  }
  /** Whether a suggestion may be asked for now: one model can't do two things at once. */
  get suggests(): boolean {
    if (!this.model || this.pendingLoad) return false;
    return this.model.inline !== undefined || (this.currentState.kind === "ready" && !this.chatting);
  }
  /** The last crash, when no answer was under way that could tell it; until the next question or restart. */
  get crash(): EngineStopped | undefined {
    return this.untoldCrash;
  }
  /** Speed of the last answer of this model, in tokens/s. */
  get tokensPerSecond(): number | undefined {
    return this.lastSpeed;
  }

  /**
   * Loads the model of the settings unless it is loaded. Cancelling ends the load for all who wait for it.
   * @throws NoModel, InvalidSetting, Cancelled, EngineStopped, or a ResponseError with an ErrorCode of the protocol.
   */
  async load(token: CancellationToken = CancellationToken.None): Promise<LoadResult> {
    if (this.model) return this.model;
    const load = this.pendingLoad ?? this.startLoad();
    if (token.isCancellationRequested) load.cancellation.cancel();
    const subscription = token.onCancellationRequested(() => load.cancellation.cancel());
    try {
      return await load.result;
    } finally {
      subscription.dispose();
    }
  }

  /** Starts loading in the background if that was not tried yet. What goes wrong is in `state`. */
  warmUp(): void {
    if (this.absence) this.absence.thenLoad = true;
    if (this.currentState.kind !== "idle") return;
    this.load().catch((error: unknown) => this.options.log(`load: ${String(error)}`));
  }

  /**
   * Answers a conversation, loading the model first where needed. Cancelling succeeds with finishReason `cancelled`,
   * or throws Cancelled when the model was still loading.
   * @throws as `load`; Error when an answer is being generated already.
   */
  async chat(
    params: Pick<ChatParams, "messages" | "temperature">,
    onText: (text: string) => void,
    token: CancellationToken = CancellationToken.None,
  ): Promise<GenerationResult> {
    if (this.chatting) throw new Error("Flint is answering already. Stop that answer first.");
    this.chatting = true;
    this.untoldCrash = undefined;
    try {
      await this.loadForAnswer(token);
      if (token.isCancellationRequested) throw new Cancelled();
      // Somebody waits for this answer: an inline suggestion is worth less.
      this.completion?.cancel();
      this.setState({ kind: "reading" });
      const onProgress = (progress: GenerationProgress) => {
        const state = afterProgress(this.currentState, progress);
        if (state) this.setState(state);
        if (progress.kind === "text" && progress.text !== "") onText(progress.text);
      };
      const result = await this.process.use((connection) =>
        withProgress(connection, generationProgress, onProgress, (progressToken) =>
          connection.sendRequest(chatRequest, { ...params, progressToken }, token),
        ),
      );
      this.lastSpeed = result.tokensPerSecond || this.lastSpeed;
      return result;
    } finally {
      this.chatting = false;
      if (this.currentState.kind === "reading" || this.currentState.kind === "answering") {
        this.setState({ kind: "ready" });
      }
      this.settingsChanged();
      this.didChat.fire();
    }
  }

  /**
   * Continues raw text, for inline suggestions. A newer call cancels the one before.
   * @returns undefined, without waiting, unless the engine `suggests`.
   * @throws EngineStopped, or a ResponseError with an ErrorCode of the protocol.
   */
  async complete(params: CompleteParams, token: CancellationToken): Promise<GenerationResult | undefined> {
    if (!this.suggests) return undefined;
    this.completion?.cancel();
    const cancellation = new CancellationTokenSource();
    // Taken now: the token of a source that was cancelled before has no event, and the sidecar would not be told.
    const ownToken = cancellation.token;
    this.completion = cancellation;
    const subscription = token.onCancellationRequested(() => cancellation.cancel());
    try {
      return await this.process.use((connection) => connection.sendRequest(completeRequest, params, ownToken));
    } finally {
      subscription.dispose();
      cancellation.dispose();
      if (this.completion === cancellation) this.completion = undefined;
    }
  }

  /** Tells whether a model fits, and how fast it would be; starts a sidecar where none runs. @throws as `complete` */
  planOf(params: PlanParams): Promise<Plan> {
    return this.process.use((connection) => connection.sendRequest(planRequest, params));
  }

  /** Tells what converting a model would take. @throws as `complete` */
  planConversion(params: PlanConversionParams): Promise<ConversionPlan> {
    return this.process.use((connection) => connection.sendRequest(planConversionRequest, params));
  }

  /** Memory and reads of the sidecar; undefined when none runs. @throws EngineStopped when it ends meanwhile. */
  async stats(): Promise<Stats | undefined> {
    if (this.pid === undefined) return undefined;
    return this.process.use((connection) => connection.sendRequest(statsRequest));
  }

  /**
   * Gives up the memory that the model takes, after an answer that is under way, until the function that it resolves with
   * is called: then what was loaded is loaded again. Who asks for a model meanwhile waits. One at a time.
   * @param source what is converted meanwhile
   * @throws what `signal` says, when it is aborted before
   */
  async makeRoom(source: string, signal: AbortSignal): Promise<() => void> {
    while (this.chatting) await eventOr(this.didChat.event, signal);
    signal.throwIfAborted();
    const absence = new Absence(source, this.model !== undefined || this.pendingLoad !== undefined);
    this.absence = absence;
    this.reset();
    const gone = this.process.stop();
    this.readSettings();
    await gone;
    return () => {
      this.absence = undefined;
      absence.end();
      if (this.pendingLoad) this.setState({ kind: "loading" });
      else this.readSettings();
      if (absence.thenLoad) this.warmUp();
    };
  }

  /** Ends the sidecar, whatever it does, and loads again in a new one. */
  restart(): void {
    this.policy.reset();
    this.untoldCrash = undefined;
    this.reset();
    void this.process.stop();
    this.readSettings();
    this.warmUp();
  }

  /** To be called when the settings may have changed: loads again where that makes a difference. */
  settingsChanged(): void {
    // An answer under way goes on with the old settings to its end, where `chat` calls this again.
    if (this.chatting && this.model) return;
    const before = this.settings;
    const errorBefore = this.settingsError;
    const read = this.currentSettings();
    if (isDeepStrictEqual(read.settings, before) && read.error === undefined && errorBefore === undefined) return;
    this.reset();
    this.readSettings();
    if (!this.settings) void this.process.stop();
    this.warmUp();
  }

  dispose(): void {
    if (this.absence) this.absence.thenLoad = false;
    this.pendingLoad?.cancellation.cancel();
    this.process.dispose();
    this.didChangeState.dispose();
    this.didCrash.dispose();
    this.didChat.dispose();
  }

  private currentSettings(): { settings?: EngineSettings | undefined; error?: unknown } {
    try {
      return { settings: this.options.settings() };
    } catch (error) {
      return { error };
    }
  }

  private readSettings(): void {
    const { settings, error } = this.currentSettings();
    this.settings = settings;
    this.settingsError = error;
    if (error === undefined) this.setState(this.restingState);
    else this.setState({ kind: "failed", error });
  }

  private get restingState(): EngineState {
    return this.absence?.state ?? { kind: this.settings ? "idle" : "empty" };
  }

  /** Forgets what is loaded or loading. */
  private reset(): void {
    this.pendingLoad?.cancellation.cancel();
    this.pendingLoad = undefined;
    this.completion?.cancel();
    this.model = undefined;
    this.forecast = undefined;
    this.lastSpeed = undefined;
  }

  /** As `load`; settings that change meanwhile are no reason to give up a question. */
  private async loadForAnswer(token: CancellationToken): Promise<void> {
    for (;;) {
      try {
        await this.load(token);
        return;
      } catch (error) {
        const again = this.pendingLoad !== undefined || this.absence !== undefined;
        if (!(error instanceof Cancelled && again) || token.isCancellationRequested) throw error;
      }
    }
  }

  private startLoad(): Load {
    if (this.settingsError !== undefined) throw this.settingsError;
    if (!this.settings) throw new NoModel();
    const cancellation = new CancellationTokenSource();
    const result = this.runLoad(this.settings, cancellation, () => this.pendingLoad === load);
    const load = { cancellation, result };
    this.pendingLoad = load;
    this.lastLoad = Promise.allSettled([result]);
    this.setState(this.absence?.state ?? { kind: "loading" });
    return load;
  }

  private async runLoad(
    settings: EngineSettings,
    cancellation: CancellationTokenSource,
    isCurrent: () => boolean,
  ): Promise<LoadResult> {
    try {
      await this.lastLoad;
      await this.absence?.over(cancellation.token);
      if (cancellation.token.isCancellationRequested) throw new Cancelled();
      const result = await this.process.use(async (connection) => {
        const plan = await connection.sendRequest(planRequest, settings);
        if (cancellation.token.isCancellationRequested) throw new Cancelled();
        if (isCurrent()) {
          this.forecast = plan;
          this.setState({ kind: "loading" });
        }
        return withProgress(
          connection,
          loadProgress,
          (progress) => isCurrent() && this.setState({ kind: "loading", progress }),
          (progressToken) =>
            connection.sendRequest(loadRequest, { ...settings, engine: "flash", progressToken }, cancellation.token),
        );
      });
      if (!isCurrent()) throw new Cancelled();
      this.pendingLoad = undefined;
      this.model = result;
      this.setState({ kind: "ready" });
      return result;
    } catch (error) {
      const cancelled = cancellation.token.isCancellationRequested || error instanceof Cancelled;
      if (isCurrent()) {
        this.pendingLoad = undefined;
        this.setState(cancelled ? this.restingState : { kind: "failed", error });
      }
      throw cancelled ? new Cancelled() : error;
    } finally {
      cancellation.dispose();
    }
  }

  private crashed(stop: EngineStopped): void {
    const wasUsed = this.model !== undefined || this.pendingLoad !== undefined;
    this.options.log(stop.message);
    this.untoldCrash = this.chatting ? undefined : stop;
    this.pendingLoad = undefined;
    this.model = undefined;
    if (this.policy.crashed()) {
      this.setState(this.restingState);
      if (wasUsed) {
        stop.restarted = this.load().then(
          () => true,
          (error: unknown) => {
            this.options.log(`restart: ${String(error)}`);
            return false;
          },
        );
      }
    } else {
      this.setState({ kind: "failed", error: stop });
    }
    this.didCrash.fire(stop);
  }

  private setState(state: EngineState): void {
    this.currentState = state;
    this.didChangeState.fire(state);
  }
}
