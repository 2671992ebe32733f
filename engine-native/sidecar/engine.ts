/**
 * The loaded models and what can be asked of them. Each model does one request at a time and queues the others;
 * passScheduling.ts says which of the two models computes.
 */
import * as l10n from "@vscode/l10n";
import { engineError } from "../../protocol/errors.js";
import type { GpuLibraries } from "../../protocol/gpu.js";
import {
  type AnswerNowParams,
  type ChatParams,
  type CompleteParams,
  type EngineKind,
  ErrorCode,
  type EvaluateParams,
  type EvaluationProgress,
  type EvaluationResult,
  type FlashStats,
  type ForgetSessionParams,
  type GenerationParams,
  type GenerationProgress,
  type GenerationResult,
  type LoadParams,
  type LoadProgress,
  type LoadResult,
  noFlash,
  type Plan,
  type PlanParams,
  type SidecarState,
  type Stats,
} from "../../protocol/messages.js";
import { answer } from "./chat.js";
import { reportDiskStalls } from "./diskStalls.js";
import { evaluateText } from "./evaluation.js";
import type { FlashModel } from "./flash.js";
import { continueTokens, type Generated, type GenerationContext } from "./generation.js";
import { healed } from "./infill/halfWord.js";
import { openStore } from "./kvCache/store.js";
import { type Loaded, type LoadedModels, loadModels } from "./loading.js";
import { PassScheduler } from "./passScheduling.js";
import { planModels, withReason } from "./plan.js";
import { processMemory, releaseFreeMemory } from "./process.js";
import { watchProcessor } from "./processorLoad.js";
import { computingThreads } from "./processors.js";
import { RequestQueue } from "./requestQueue.js";
import { UnawaitedError } from "./requestScope.js";
import { RunningRequests } from "./runningRequests.js";
import { Runtime, type RuntimeReport } from "./runtime.js";
import { abandonOnAbort } from "./stop.js";
import { noModel, TokenQueries } from "./tokenQueries.js";

type OnProgress = (progress: GenerationProgress) => void;

/** What the work of one request gets. */
interface Work {
  loaded: LoadedModels;
  /** The caller's signal and that of an unload. */
  signal: AbortSignal;
}

export class InferenceEngine {
  readonly #onState: (state: SidecarState) => void;
  readonly #log: (line: string) => void;
  readonly #report: RuntimeReport;
  readonly #gpuLibraries: GpuLibraries | undefined;
  #runtime: Promise<Runtime> | undefined;
  #loaded: LoadedModels | undefined;
  /** What is asked of the vocabulary alone. */
  readonly tokens = new TokenQueries(() => this.#loaded);
  readonly #running = new RunningRequests();
  /** Work that needs both queues enters this one first. */
  readonly #chatQueue = new RequestQueue();
  readonly #inlineQueue = new RequestQueue();
  readonly #scheduler = new PassScheduler();
  /** The chat that is under way. */
  #thinking: { sessionId: string | undefined; answerNow: () => boolean } | undefined;
  /** How many requests on the chat model and on the inline model run. */
  #computing = 0;
  #suggesting = 0;
  /** How many abandoned requests on the chat model still run. */
  #abandoned = 0;

  constructor(
    options: RuntimeReport & {
      onState(state: SidecarState): void;
      log(line: string): void;
      /** Absent: no GPU is used. */
      gpuLibraries: GpuLibraries | undefined;
    },
  ) {
    this.#onState = options.onState;
    this.#report = options;
    this.#log = options.log;
    this.#gpuLibraries = options.gpuLibraries;
  }

  /** @throws ResponseError NotAModel, InvalidArgument. */
  async plan(params: PlanParams): Promise<Plan> {
    const runtime = await this.#start("flash");
    const { flash, llama } = runtime;
    if (!flash) throw engineError(ErrorCode.InvalidState, "The stock engine makes no plans.");
    const { weightBytes = 0, kvBytes = 0, computeBytes = 0 } = this.#loaded?.result.plan?.gpu ?? {};
    const gpu = await runtime.chooseGpu(params.vramCapBytes, weightBytes + kvBytes + computeBytes);
    const request = { ...params, threads: computingThreads(llama.cpuMathCores), ...gpu };
    return withReason(planModels(flash, request).plan, params.ramCapBytes);
  }

  /** Replaces the loaded models. @throws ResponseError DoesNotFit, NotAModel, ReadFailed, InvalidState. */
  load(params: LoadParams, signal: AbortSignal, onProgress: (progress: LoadProgress) => void): Promise<LoadResult> {
    return this.#alone(async () => {
      await this.#unload();
      // Not in #unload, where what is disposed of is still referred to.
      releaseFreeMemory();
      signal.throwIfAborted();
      this.#onState("loading");
      try {
        const runtime = await this.#start(params.engine);
        const [scheduler, log] = [this.#scheduler, this.#log];
        const store = await openStore(params.kvCache, { log, turn: () => this.#running.none() });
        this.#loaded = await loadModels({ runtime, params, store, scheduler, log }, signal, onProgress);
        return this.#loaded.result;
      } finally {
        // Of headers and vocabularies, and of a load that has failed.
        releaseFreeMemory();
        this.#onState(this.#loaded ? "ready" : "empty");
      }
    });
  }

  async chat(params: ChatParams, signal: AbortSignal, onProgress: OnProgress): Promise<GenerationResult> {
    const { sessionId } = params;
    if (sessionId !== undefined) this.#loaded?.store?.remember(sessionId);
    const result = await this.#chatQueue.enter((abandoned) =>
      this.#onChatModel(params, signal, onProgress, abandoned, (context, { chatWrapper, withoutThinking }) => {
        const wrapper = params.thinking === false ? (withoutThinking ?? chatWrapper) : chatWrapper;
        return answer(context, wrapper, params, (answerNow) => {
          this.#thinking = { sessionId, answerNow };
        }).finally(() => {
          this.#thinking = undefined;
        });
      }),
    );
    if (sessionId === undefined) return result;
    const { promptTokens, tokens, finishReason } = result;
    this.#log(
      `session ${JSON.stringify(sessionId)}: prompt ${promptTokens.length} tokens, answer ${tokens.length}, ${finishReason}`,
    );
    return { ...result, sessionId };
  }

  /** @returns false where that chat is not under way, or does not think */
  answerNow({ sessionId }: AnswerNowParams): boolean {
    return this.#thinking?.sessionId === sessionId && this.#thinking.answerNow();
  }

  /** Nothing of a conversation is kept on disk any more, unless it goes on. */
  forgetSession({ sessionId }: ForgetSessionParams): void {
    this.#loaded?.store?.forget(sessionId);
  }

  complete(params: CompleteParams, signal: AbortSignal, onProgress: OnProgress): Promise<GenerationResult> {
    const inline = () =>
      this.#inlineQueue.enter((abandoned) => this.#onInlineModel(params, signal, onProgress, abandoned));
    if (suggests(this.#loaded, params)) return inline();
    return this.#chatQueue.enter((abandoned) =>
      // A load may have been ahead of it.
      suggests(this.#loaded, params)
        ? inline()
        : this.#onChatModel(params, signal, onProgress, abandoned, (context, { model, promptOf }) => {
            const { params: asked, beginning } = healed(model, params);
            const prepareOnly = params.prepareOnly === true;
            return continueTokens({ ...context, prepareOnly, beginning }, (own) => promptOf(asked, own));
          }),
    );
  }

  /** @throws ResponseError InvalidArgument, InvalidState, ReadFailed; the signal's reason. */
  evaluate(
    { text }: EvaluateParams,
    signal: AbortSignal,
    onProgress: (progress: EvaluationProgress) => void,
  ): Promise<EvaluationResult> {
    return this.#chatQueue.enter((abandoned) =>
      this.#compute(signal, async ({ loaded, signal: either }, measure) => {
        const abandon = (work: Promise<unknown>) => this.#abandon(work, either, loaded.chat.served);
        const stoppable = { signal: either, abandon };
        await abandonOnAbort(stoppable, abandoned);
        either.throwIfAborted();
        const { sequence } = loaded.chat;
        const { trial } = loaded.chat;
        const evaluation = await trial.run(() => evaluateText({ ...stoppable, sequence, trial, onProgress }, text));
        return { ...evaluation, flash: measure(evaluation.tokens) };
      }),
    );
  }

  stats(): Stats {
    const loaded = this.#loaded;
    const capBytes = loaded?.params.engine === "flash" ? loaded.params.ramCapBytes : 0;
    return {
      memory: { capBytes, ...processMemory() },
      flash: loaded?.measure(loaded.chat.sequence.tokenMeter.usedOutputTokens) ?? noFlash,
      warmingBytes: loaded?.warmingBytes ?? 0,
      ...(loaded && { modelPath: loaded.chat.modelPath }),
      ...(loaded?.inline && loaded.inline.model !== loaded.chat.model && { inlineModelPath: loaded.inline.modelPath }),
    };
  }

  /** Ends the generations that run, as if they were cancelled. What is kept of them on disk is there then. */
  unload(): Promise<void> {
    this.#running.abort();
    return this.#alone(async () => {
      await this.#unload();
      releaseFreeMemory();
      this.#onState("empty");
    });
  }

  /** Nothing more is wanted: ends what runs. Resolves when what is kept of it is on the disk. Never rejects. */
  async finish(): Promise<void> {
    const store = this.#loaded?.store;
    if (!store) return;
    this.#running.end();
    await this.#alone(() => store.settled());
  }

  /** Runs work while no other work runs. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#chatQueue.run(() => this.#inlineQueue.run(work));
  }

  async #start(kind: EngineKind): Promise<Runtime> {
    this.#runtime ??= Runtime.start(kind, this.#gpuLibraries, this.#log, this.#report);
    const runtime = await this.#runtime;
    if (runtime.kind !== kind) {
      throw engineError(
        ErrorCode.InvalidState,
        `This process runs the ${runtime.kind} engine; start another for ${kind}.`,
      );
    }
    return runtime;
  }

  #onChatModel(
    params: GenerationParams & { sessionId?: string },
    signal: AbortSignal,
    onProgress: OnProgress,
    abandoned: Promise<unknown>,
    run: (context: GenerationContext, chat: LoadedModels["chat"]) => Promise<Generated>,
  ): Promise<GenerationResult> {
    return this.#compute(signal, async ({ loaded: { chat }, signal: either }, measure) => {
      const { served } = chat;
      const context: GenerationContext = {
        ...{ sequence: chat.sequence, cache: chat.cache, sessionId: params.sessionId, chunkTokens: chat.chunkTokens },
        ...{ params, signal: either, onProgress, abandoned },
        speculation: chat.speculation,
        trial: chat.trial,
        startPass: () => (chat.passBytes > 0 && served?.share(chat.passBytes)) || (() => 0),
        beforePass: () => this.#scheduler.pass(either),
        abandon: (work) => this.#abandon(work, either, served),
        onDecode: () => served?.setTokenByToken(true),
      };
      const flash = (await this.#runtime)?.flash;
      const { result: generated, othersShare } = await watchProcessor(
        (share) => onProgress({ kind: "processor", othersShare: share }),
        () =>
          reportDiskStalls(
            () => flash?.stalledMs ?? 0,
            (stalledMs) => onProgress({ kind: "disk", stalledMs }),
            () => chat.trial.run(() => run(context, chat)),
          ),
      );
      if (mayEnd(either)) this.#chatQueue.followUp(() => chat.keep(params.sessionId));
      const result = toResult(chat, generated, measure(generated.tokens.length));
      return othersShare === undefined ? result : { ...result, othersShare };
    });
  }

  #onInlineModel(
    params: CompleteParams,
    signal: AbortSignal,
    onProgress: OnProgress,
    abandoned: Promise<unknown>,
  ): Promise<GenerationResult> {
    return this.#work(signal, async ({ loaded: { chat, inline }, signal: either }) => {
      if (!inline) throw engineError(ErrorCode.InvalidState, l10n.t("The inline model is not loaded any more."));
      const { params: asked, beginning } = healed(inline.model, params);
      const context: GenerationContext = {
        beginning,
        ...{
          sequence: inline.sequence,
          cache: inline.cache,
          chunkTokens: inline.chunkTokens,
          params,
          signal: either,
          onProgress,
          abandoned,
          trial: inline.trial,
        },
        startPass: () => () => 0,
        beforePass: () => Promise.resolve(),
        prepareOnly: params.prepareOnly === true,
        abandon: (work) => mayEnd(either) && this.#inlineQueue.abandon(work),
        onDecode: () => undefined,
      };
      // What a key has made useless ends within an operation. The chat's pass would end with it where the model is the same.
      const isAlone = () => inline.model !== chat.model || this.#computing + this.#abandoned === 0;
      const abort = () => isAlone() && inline.served?.setAbort(true);
      return this.#scheduler.interject(async () => {
        this.#suggesting += 1;
        either.addEventListener("abort", abort, { once: true });
        try {
          const run = () => continueTokens(context, (own) => inline.promptOf(asked, own));
          const generated = await inline.trial.run(run);
          if (mayEnd(either)) this.#inlineQueue.followUp(() => inline.keep());
          return toResult(inline, generated, noFlash);
        } finally {
          this.#suggesting -= 1;
          either.removeEventListener("abort", abort);
          if (isAlone()) inline.served?.setAbort(false);
        }
      });
    });
  }

  /** Runs work in which our backend may take part. `measure` returns what was read since, for so many tokens. */
  #compute<T>(
    signal: AbortSignal,
    work: (work: Work, measure: (tokens: number) => FlashStats) => Promise<T>,
  ): Promise<T> {
    return this.#work(signal, async (own) => {
      const { chat, inline } = own.loaded;
      const { served } = chat;
      const measure = served?.measure() ?? (() => noFlash);
      this.#computing += 1;
      // A suggestion of the same model would end with it.
      const abort = () => (inline?.model !== chat.model || this.#suggesting === 0) && served?.setAbort(true);
      own.signal.addEventListener("abort", abort, { once: true });
      if (own.signal.aborted) abort();
      try {
        return await work(own, measure);
      } catch (error) {
        const failure = served?.takeError();
        throw failure === undefined ? error : engineError(ErrorCode.ReadFailed, failure);
      } finally {
        this.#computing -= 1;
        own.signal.removeEventListener("abort", abort);
        if (this.#abandoned === 0) served?.setAbort(false);
        served?.setTokenByToken(false);
      }
    });
  }

  /** Abandoned work ends as soon as it sees the abort flag, which stays set until then. */
  #abandon(work: Promise<unknown>, signal: AbortSignal, served: FlashModel | undefined): void {
    if (!mayEnd(signal)) return;
    const ended = async () => {
      await Promise.allSettled([work]);
      this.#abandoned -= 1;
      if (this.#abandoned === 0) served?.setAbort(false);
    };
    this.#abandoned += 1;
    this.#chatQueue.abandon(ended());
  }

  async #work<T>(signal: AbortSignal, work: (work: Work) => Promise<T>): Promise<T> {
    const loaded = this.#loaded;
    if (!loaded) throw noModel();
    const unload = new AbortController();
    this.#running.add(unload);
    this.#onState("generating");
    try {
      return await work({ loaded, signal: AbortSignal.any([signal, unload.signal]) });
    } finally {
      this.#running.delete(unload);
      if (this.#running.size === 0) this.#onState("ready");
    }
  }

  async #unload(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    loaded?.unloaded.abort();
    // It may be a context of the other model.
    await loaded?.inline?.dispose();
    await loaded?.chat.dispose();
    await loaded?.store?.settled();
    if (loaded?.result.plan?.gpu) this.#report.onGpu(false);
  }
}

/** Whether it is for the inline model. Where the model does both, only what an editor asks: the rest may be as long as its context. */
const suggests = (loaded: LoadedModels | undefined, { typing }: CompleteParams): boolean =>
  loaded?.inline !== undefined && (loaded.inline.model !== loaded.chat.model || typing === true);

/** False where a request has failed by an error that nobody awaits: to wait for its work would be for ever. */
const mayEnd = (signal: AbortSignal): boolean => !(signal.reason instanceof UnawaitedError);

function toResult({ modelPath }: Loaded, { timings, ...generated }: Generated, flash: FlashStats): GenerationResult {
  return {
    modelPath,
    ...generated,
    timeToFirstTokenMs: timings.timeToFirstTokenMs,
    msPerToken: timings.msPerToken,
    tokensPerSecond: timings.tokensPerSecond,
    flash,
  };
}
