import { CancellationToken, Emitter } from "vscode-jsonrpc";
import type { Sidecar } from "../../protocol/client.js";
import {
  type ConversionPlan,
  forgetSessionRequest,
  type GenerationResult,
  type Inspection,
  inspectRequest,
  type LoadResult,
  type Plan,
  type PlanConversionParams,
  planConversionRequest,
  planRequest,
  type Stats,
  statsRequest,
} from "../../protocol/messages.js";
import { Turns } from "../../protocol/turns.js";
import { abortedBy } from "./cancellation.js";
import { CurrentSettings, type OtherModel } from "./currentSettings.js";
import { Cancelled, type EngineStopped } from "./errors.js";
import { LatestOnly } from "./latestOnly.js";
import { MemoryLease } from "./memoryLease.js";
import { type LoadEvent, ModelLoader } from "./modelLoader.js";
import { RestartPolicy } from "./restartPolicy.js";
import { SidecarProcess } from "./sidecarProcess.js";
import { afterProgress, type EngineSettings, type EngineState, planParams, promptSpeedOf } from "./state.js";
import type { AnswerWork, Work } from "./work.js";

export interface EngineOptions {
  /** Starts a sidecar, which may use a GPU or not. */
  start(gpuAllowed: boolean): Promise<Sidecar>;
  /**
   * The settings of now; undefined when no model is chosen. @throws InvalidSetting
   * @param modelPath a model to use instead of theirs
   */
  settings(modelPath?: string): EngineSettings | undefined;
  /** Where KV caches are kept on disk; absent: nowhere. */
  kvCacheFolder?: string;
  /** Takes one line for the log. */
  log(line: string): void;
}

type LastAnswer = Pick<GenerationResult, "tokensPerSecond" | "timeToFirstTokenMs" | "flash">;

/**
 * The engine as the extension sees it: loads the models of the settings when they are first needed, lets one answer be
 * generated at a time, and comes back after a crash. What is asked of the models is up to backends/sidecar.ts. Knows no
 * VS Code.
 */
export class EngineClient {
  private readonly process: SidecarProcess;
  private readonly policy = new RestartPolicy();
  private readonly didChangeState = new Emitter<EngineState>();
  private readonly didCrash = new Emitter<EngineStopped>();
  /** Fires for every change of `state`, each generated token included. */
  readonly onDidChangeState = this.didChangeState.event;
  /** Fires when the sidecar has crashed, once it is decided whether to restart it. */
  readonly onDidCrash = this.didCrash.event;

  private currentState: EngineState = { kind: "empty" };
  private readonly settings: CurrentSettings;
  private readonly loader: ModelLoader;
  /** Answers, and conversions that need the memory, run one at a time. */
  private readonly turns = new Turns();
  private readonly suggestions = new LatestOnly();
  private answering = false;
  private lease: MemoryLease | undefined;
  private answered: GenerationResult | undefined;
  private lastPromptSpeed: number | undefined;
  private unreportedCrash: EngineStopped | undefined;

  constructor(private readonly options: EngineOptions) {
    this.process = new SidecarProcess(() => options.start(this.policy.allowsGpu));
    this.process.onDidCrash((stop) => this.crashed(stop));
    this.settings = new CurrentSettings((modelPath) => options.settings(modelPath));
    this.loader = new ModelLoader({
      process: this.process,
      kvCacheFolder: options.kvCacheFolder,
      memory: async (token) => this.lease?.over(token),
      onEvent: (event) => this.setState(this.stateAfter(event)),
    });
    this.setState(this.restingState);
  }

  get state(): EngineState {
    return this.currentState;
  }
  /** Process id of the sidecar, while one runs. */
  get pid(): number | undefined {
    return this.process.pid;
  }
  /** Of the model that is loaded or would be loaded next. */
  get modelPath(): string | undefined {
    return this.settings.modelPath;
  }
  /** What is loaded, while something is. */
  get loaded(): LoadResult | undefined {
    return this.loader.loaded;
  }
  /** What lives where, and how fast it will be: known a moment after a load began. */
  get plan(): Plan | undefined {
    return this.loader.plan;
  }
  /** Whether a suggestion may be asked for now: one model can't do two things at once. */
  get suggests(): boolean {
    const { loaded, isLoading } = this.loader;
    if (!loaded || isLoading) return false;
    return loaded.inline !== undefined || (this.currentState.kind === "ready" && !this.answering);
  }
  /** Whether a question is being answered, or its model is loaded for it. */
  get isAnswering(): boolean {
    return this.answering;
  }
  /** The last crash, if no answer was running that could report it. Cleared by the next question or a restart. */
  get crash(): EngineStopped | undefined {
    return this.unreportedCrash;
  }
  /** How the last answer of this model went. */
  get lastAnswer(): LastAnswer | undefined {
    return this.answered;
  }
  /** How fast this model has read its last long prompt, in tokens/s; undefined where it has read none. */
  get promptTokensPerSecond(): number | undefined {
    return this.lastPromptSpeed;
  }
  /** What was measured of this model and the disk when it was loaded. */
  get measured(): Plan["measured"] {
    return this.loaded?.plan?.measured;
  }

  /**
   * Loads the model of the settings unless it is loaded. Cancelling ends the load for all who wait for it.
   * @throws NoModel, InvalidSetting, Cancelled, EngineStopped, or a ResponseError with an ErrorCode of the protocol.
   */
  load(token: CancellationToken = CancellationToken.None): Promise<LoadResult> {
    return this.loader.load(() => this.policy.permit(this.settings.require()), token);
  }

  /** As `load`, but loads again when the settings change meanwhile: that is no reason to give up a question. */
  async whenLoaded(token: CancellationToken): Promise<LoadResult> {
    for (;;) {
      try {
        return await this.load(token);
      } catch (error) {
        const again = this.loader.isLoading || this.lease !== undefined;
        if (!(error instanceof Cancelled && again) || token.isCancellationRequested) throw error;
      }
    }
  }

  /** How many tokens of a session this model has read already, and need not read again. */
  tokensReadOf(sessionId: string): number {
    const { answered } = this;
    return answered?.sessionId === sessionId ? answered.promptTokens.length + answered.tokens.length : 0;
  }

  /** Starts loading in the background unless that was tried already. Errors show in `state`. */
  warmUp(): void {
    if (this.lease) this.lease.thenLoad = true;
    if (this.currentState.kind !== "idle") return;
    this.load().catch((error: unknown) => this.options.log(`load: ${String(error)}`));
  }

  /**
   * Generates an answer after those that were asked for before, loading the model first where needed.
   * @param onWaiting called if there are any: with true now, and with false when its turn comes
   * @param model absent: that of the settings
   * @throws Cancelled when `token` is cancelled before it began; as `load`; what `work` throws
   */
  answer<Result extends GenerationResult | undefined>(
    work: AnswerWork<Result>,
    token: CancellationToken,
    onWaiting?: (waits: boolean) => void,
    model?: OtherModel,
  ): Promise<Result> {
    const waits = this.turns.isBusy;
    if (waits) onWaiting?.(true);
    const run = () => {
      if (waits) onWaiting?.(false);
      this.choose(model);
      return this.answerNow(work, token);
    };
    return abortedBy(token, (signal) => this.turns.run(run, signal));
  }

  /**
   * Lets the models suggest something. A newer suggestion cancels the one before, and so does an answer.
   * @returns undefined, without waiting, unless the engine `suggests`
   * @throws EngineStopped, or what `work` throws
   */
  async suggest<T>(work: Work<T>, token: CancellationToken): Promise<T | undefined> {
    if (!this.suggests) return undefined;
    return this.suggestions.run((ownToken) => this.process.use((connection) => work(connection, ownToken)), token);
  }

  /**
   * Sends a short request that needs a loaded model, loading it first if needed.
   * @param model absent: any that is loaded, or that of the settings. Another one than that is loaded in its turn.
   * @throws as `load`
   */
  async consult<T>(work: Work<T>, token: CancellationToken, model?: OtherModel): Promise<T> {
    const now = async () => {
      await this.whenLoaded(token);
      return this.process.use((connection) => work(connection, token));
    };
    if (model === undefined || this.settings.modelPath === model.modelPath) return now();
    const chosen = () => {
      this.choose(model);
      return now();
    };
    return abortedBy(token, (signal) => this.turns.run(chosen, signal));
  }

  /** What a model's header says of it. Starts a sidecar if none runs. @throws as `load` */
  inspect(modelPath: string): Promise<Inspection> {
    return this.process.use((connection) => connection.sendRequest(inspectRequest, { modelPath }));
  }

  /** Plans a model: whether it fits, and how fast it would be. Starts a sidecar if none runs. @throws as `load` */
  planOf(settings: EngineSettings): Promise<Plan> {
    return this.process.use((connection) => connection.sendRequest(planRequest, planParams(settings)));
  }

  /** Plans the conversion of a model. @throws as `load` */
  planConversion(params: PlanConversionParams): Promise<ConversionPlan> {
    return this.process.use((connection) => connection.sendRequest(planConversionRequest, params));
  }

  /** A conversation was deleted: nothing of it is kept on disk from now on. @throws EngineStopped when the sidecar ends meanwhile */
  async forgetSession(sessionId: string): Promise<void> {
    if (this.pid === undefined) return;
    await this.process.use((connection) => connection.sendRequest(forgetSessionRequest, { sessionId }));
  }

  /** Memory and reads of the sidecar; undefined when none runs. @throws EngineStopped when it ends meanwhile. */
  async stats(): Promise<Stats | undefined> {
    if (this.pid === undefined) return undefined;
    return this.process.use((connection) => connection.sendRequest(statsRequest));
  }

  /**
   * Unloads the model, after the answers that were asked for before, so that its memory is free for a conversion. Calling
   * the function that it resolves with ends that: what was loaded is loaded again. Until then, questions wait.
   * @param source name of the model that is converted
   * @throws the reason of `signal` when it is aborted before
   */
  async leaseMemory(source: string, signal: AbortSignal): Promise<() => void> {
    const lease = await this.turns.run(() => this.takeMemory(source), signal);
    return () => {
      this.lease = undefined;
      lease.end();
      if (this.loader.isLoading) this.setState({ kind: "loading" });
      else this.readSettings();
      if (lease.thenLoad) this.warmUp();
    };
  }

  /** Ends the sidecar at once and loads again in a new one. */
  restart(): void {
    this.policy.reset();
    this.unreportedCrash = undefined;
    this.reset();
    void this.process.stop();
    this.readSettings();
    this.warmUp();
  }

  /** Call it when the settings may have changed. Loads again if that makes a difference. */
  settingsChanged(): void {
    // An answer under way goes on with the old settings to its end, where this is called again.
    if (this.answering && this.loader.loaded) return;
    if (!this.settings.update()) return;
    this.reset();
    this.setState(this.restingState);
    if (!this.settings.hasModel) void this.process.stop();
    this.warmUp();
  }

  dispose(): void {
    if (this.lease) this.lease.thenLoad = false;
    this.loader.reset();
    this.process.dispose();
    this.didChangeState.dispose();
    this.didCrash.dispose();
  }

  /** Takes over the settings of now. */
  private readSettings(): void {
    this.settings.update();
    this.setState(this.restingState);
  }

  /** While nothing is loaded or loading. */
  private get restingState(): EngineState {
    const { error, hasModel } = this.settings;
    if (error !== undefined) return { kind: "failed", error };
    return this.lease?.state ?? { kind: hasModel ? "idle" : "empty" };
  }

  /** Forgets what is loaded or loading. */
  private reset(): void {
    this.loader.reset();
    this.suggestions.cancel();
    this.answered = undefined;
    this.lastPromptSpeed = undefined;
  }

  /** The model of the next answers. @param model absent: that of the settings */
  private choose(model: OtherModel | undefined): void {
    if (!this.settings.choose(model)) return;
    this.reset();
    this.setState(this.restingState);
  }

  private async answerNow<Result extends GenerationResult | undefined>(
    work: AnswerWork<Result>,
    token: CancellationToken,
  ): Promise<Result> {
    this.answering = true;
    this.unreportedCrash = undefined;
    try {
      await this.whenLoaded(token);
      if (token.isCancellationRequested) throw new Cancelled();
      // A person waits for this answer, so it goes before an inline suggestion.
      this.suggestions.cancel();
      this.setState({ kind: "reading" });
      const result = await this.process.use((connection) =>
        work(connection, (progress) => {
          const state = afterProgress(this.currentState, progress);
          if (!state) return;
          this.lastPromptSpeed = promptSpeedOf(state) ?? this.lastPromptSpeed;
          this.setState(state);
        }),
      );
      if (result && result.tokensPerSecond > 0) this.answered = result;
      return result;
    } finally {
      this.answering = false;
      if (this.currentState.kind === "reading" || this.currentState.kind === "answering") {
        this.setState({ kind: "ready" });
      }
      this.settingsChanged();
    }
  }

  private async takeMemory(source: string): Promise<MemoryLease> {
    const lease = new MemoryLease(source, this.loader.loaded !== undefined || this.loader.isLoading);
    this.lease = lease;
    this.reset();
    const gone = this.process.stop();
    this.readSettings();
    await gone;
    return lease;
  }

  private stateAfter(event: LoadEvent): EngineState {
    switch (event.kind) {
      case "started":
        return this.lease?.state ?? { kind: "loading" };
      case "loaded":
        return { kind: "ready" };
      case "cancelled":
        return this.restingState;
      default:
        return event;
    }
  }

  private crashed(stop: EngineStopped): void {
    const wasUsed = this.loader.forget();
    this.options.log(stop.message);
    this.unreportedCrash = this.answering ? undefined : stop;
    if (this.policy.crashed(stop)) {
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
