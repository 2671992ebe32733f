/** One loaded model and what can be asked of it. One piece of work runs at a time; more wait their turn. */
import { basename } from "node:path";
import {
  type ChatWrapper,
  getLlama,
  type Llama,
  type LlamaContext,
  type LlamaContextSequence,
  LlamaLogLevel,
  type LlamaModel,
  resolveChatWrapper,
  type Token,
} from "node-llama-cpp";
import { ResponseError } from "vscode-jsonrpc";
import {
  type ChatParams,
  type CompleteParams,
  type DoesNotFit,
  type EngineKind,
  ErrorCode,
  type EvaluateParams,
  type EvaluationProgress,
  type EvaluationResult,
  type FlashStats,
  type GenerationParams,
  type GenerationProgress,
  type GenerationResult,
  type LoadParams,
  type LoadProgress,
  type LoadResult,
  type Plan,
  type PlanParams,
  type Stats,
} from "../protocol.js";
import { formatAtLeast, formatSize } from "../size.js";
import { type Draft, guesses, loadDraft, planWithDraft } from "./draft.js";
import { engineError } from "./errors.js";
import { evaluateText } from "./evaluation.js";
import { backendPath, Flash } from "./flash.js";
import { answer, continueTokens, type Generated, type GenerationContext } from "./generation.js";
import { infillPrompt, supportsInfill } from "./infill.js";
import { processMemory } from "./memory.js";
import { longestGuess, Speculation } from "./speculation.js";

/** llama.cpp and, for the flash engine, our backend in it. A process has one kind for its whole life. */
interface Runtime {
  kind: EngineKind;
  llama: Llama;
  flash?: Flash;
}

interface Loaded {
  params: LoadParams;
  model: LlamaModel;
  context: LlamaContext;
  sequence: LlamaContextSequence;
  draft: Draft | undefined;
  chatWrapper: ChatWrapper;
  chunkTokens: number;
  /** Weights that our backend uses for each pass, in memory or not: 0 when llama.cpp has all. */
  passBytes: number;
  measure(tokens: number): FlashStats;
}

/** Prompt tokens between two looks at cancellation when every weight is in memory: well below a second. */
const residentChunkTokens = 64;
/** llama.cpp's own default. */
const stockBatchTokens = 512;
const noFlash: FlashStats = { readBytes: 0, readBytesPerToken: 0, readsPerToken: 0, hitRate: 1 };

export type EngineState = "empty" | "loading" | "ready" | "generating";

export class Engine {
  readonly #onState: (state: EngineState) => void;
  readonly #log: (line: string) => void;
  #runtime: Promise<Runtime> | undefined;
  #loaded: Loaded | undefined;
  #running: AbortController | undefined;
  #leftBehind: Promise<unknown> = Promise.resolve();
  #last: Promise<unknown> = Promise.resolve();
  #lastLlamaError: string | undefined;

  constructor(options: { onState(state: EngineState): void; log(line: string): void }) {
    this.#onState = options.onState;
    this.#log = options.log;
  }

  /** @throws ResponseError NotAModel, InvalidArgument. */
  async plan(params: PlanParams): Promise<Plan> {
    const { flash, llama } = await this.#start("flash");
    if (!flash) throw engineError(ErrorCode.InvalidState, "The stock engine makes no plans.");
    return withReason(planWithDraft(flash, { ...params, threads: llama.cpuMathCores }).plan, params.ramCapBytes);
  }

  /** Replaces the loaded model. @throws ResponseError DoesNotFit, NotAModel, ReadFailed, InvalidState. */
  load(params: LoadParams, signal: AbortSignal, onProgress: (progress: LoadProgress) => void): Promise<LoadResult> {
    return this.#exclusive(async () => {
      await this.#unload();
      signal.throwIfAborted();
      this.#onState("loading");
      try {
        return await this.#load(params, signal, onProgress);
      } finally {
        this.#onState(this.#loaded ? "ready" : "empty");
      }
    });
  }

  chat(params: ChatParams, signal: AbortSignal, onProgress: (progress: GenerationProgress) => void) {
    if (params.messages.at(-1)?.role !== "user") {
      throw engineError(ErrorCode.InvalidArgument, "The last message of a chat must be the user's.");
    }
    return this.#generate(params, signal, onProgress, (context, loaded) =>
      answer(context, loaded.chatWrapper, params.messages),
    );
  }

  complete(params: CompleteParams, signal: AbortSignal, onProgress: (progress: GenerationProgress) => void) {
    return this.#generate(params, signal, onProgress, (context, { model }) =>
      continueTokens(context, promptOf(model, params)),
    );
  }

  /** @throws ResponseError InvalidArgument, InvalidState, ReadFailed; the signal's reason. */
  evaluate(
    { text }: EvaluateParams,
    signal: AbortSignal,
    onProgress: (progress: EvaluationProgress) => void,
  ): Promise<EvaluationResult> {
    return this.#compute(signal, async ({ sequence }, measure, either) => {
      const evaluation = await evaluateText({ sequence, signal: either, onProgress }, text);
      return { ...evaluation, flash: measure(evaluation.tokens) };
    });
  }

  stats(): Stats {
    const loaded = this.#loaded;
    const capBytes = loaded?.params.engine === "flash" ? loaded.params.ramCapBytes : 0;
    const stats: Stats = {
      memory: { capBytes, ...processMemory() },
      flash: loaded?.measure(loaded.sequence.tokenMeter.usedOutputTokens) ?? noFlash,
    };
    return loaded ? { ...stats, modelPath: loaded.params.modelPath } : stats;
  }

  /** Ends the generation that runs, as if it were cancelled. */
  unload(): Promise<void> {
    this.#running?.abort();
    return this.#exclusive(async () => {
      await this.#unload();
      this.#onState("empty");
    });
  }

  async #start(kind: EngineKind): Promise<Runtime> {
    this.#runtime ??= this.#startRuntime(kind);
    const runtime = await this.#runtime;
    if (runtime.kind !== kind) {
      throw engineError(
        ErrorCode.InvalidState,
        `This process runs the ${runtime.kind} engine; start another for ${kind}.`,
      );
    }
    return runtime;
  }

  async #startRuntime(kind: EngineKind): Promise<Runtime> {
    // ggml reads it when node-llama-cpp loads it, once in the life of a process.
    if (kind === "flash") process.env["GGML_BACKEND_PATH"] = backendPath;
    const llama = await getLlama({
      gpu: false,
      build: "never",
      logLevel: LlamaLogLevel.warn,
      logger: (level, message) => {
        if (level === LlamaLogLevel.error || level === LlamaLogLevel.fatal) this.#lastLlamaError = message.trim();
        this.#log(`llama.cpp ${level}: ${message.trimEnd()}`);
      },
    });
    return kind === "flash" ? { kind, llama, flash: new Flash() } : { kind, llama };
  }

  async #load(
    params: LoadParams,
    signal: AbortSignal,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<LoadResult> {
    const { llama, flash } = await this.#start(params.engine);
    const threads = params.threads ?? llama.cpuMathCores;
    const planned = flash && planWithDraft(flash, { ...params, threads });
    if (planned && !planned.plan.fits) throw doesNotFit(withReason(planned.plan, params.ramCapBytes));
    const { streamedBytes = 0, pinnedBytes = 0, expertCacheBytes = 0 } = planned?.plan.weights ?? {};
    const streams = streamedBytes + expertCacheBytes > 0;
    const speculates = planned !== undefined && guesses(planned.plan);
    let model: LlamaModel | undefined;
    let draft: Draft | undefined;
    try {
      if (planned) flash.configure({ ...params, ramCapBytes: planned.ramCapBytes, threads }, params.tracePath);
      this.#lastLlamaError = undefined;
      model = await llama.loadModel({
        modelPath: params.modelPath,
        gpuLayers: 0,
        // mmap would count the whole file in the page cache against the cap.
        ...(flash ? { useMmap: false, useDirectIo: true } : { useMmap: true }),
        ignoreMemorySafetyChecks: true,
        loadSignal: signal,
        onLoadProgress: (share) => {
          const totalBytes = weightBytes(planned?.plan);
          onProgress({ loadedBytes: Math.round(share * totalBytes), totalBytes });
        },
      });
      const contextTokens =
        planned?.plan.contextTokens ?? params.contextTokens ?? Math.min(4096, model.trainContextSize);
      const context = await model.createContext({
        contextSize: contextTokens,
        batchSize: Math.min(contextTokens, planned?.microBatchTokens ?? stockBatchTokens),
        sequences: 1,
        threads,
        // Detection takes attention on our backend for attention on another device, and turns it off.
        flashAttention: streams ? true : "auto",
        ignoreMemorySafetyChecks: true,
        failedCreationRemedy: false,
        createSignal: signal,
      });
      flash?.deconfigure();
      const maximumTokens = planned ? longestGuess(planned.plan) : 0;
      if (params.draftModelPath !== undefined && planned && planned.plan.draftBytes > 0) {
        draft = await loadDraft(llama, params.draftModelPath, model, { contextTokens, maximumTokens }, signal);
      }
      const predictor = draft ? { draft: draft.predictor } : {};
      this.#loaded = {
        params,
        model,
        context,
        sequence: context.getSequence(
          speculates ? { tokenPredictor: new Speculation({ maximumTokens, ...predictor }) } : {},
        ),
        draft,
        chatWrapper: resolveChatWrapper(model),
        chunkTokens: streams ? context.batchSize : residentChunkTokens,
        // How many experts a prompt uses is not known before.
        passBytes: speculates ? streamedBytes + pinnedBytes : 0,
        measure: flash?.measure() ?? (() => noFlash),
      };
      const result: LoadResult = {
        name: model.fileInfo.metadata.general.name ?? basename(params.modelPath),
        architecture: model.fileInfo.metadata.general.architecture,
        contextTokens,
        infill: supportsInfill(model),
      };
      return planned ? { ...result, plan: planned.plan } : result;
    } catch (error) {
      await draft?.dispose();
      await model?.dispose();
      if (signal.aborted || error instanceof ResponseError) throw error;
      throw engineError(ErrorCode.NotAModel, `${params.modelPath} cannot be loaded: ${this.#why(error)}`);
    } finally {
      flash?.deconfigure();
    }
  }

  #why(error: unknown): string {
    if (this.#lastLlamaError !== undefined) return this.#lastLlamaError;
    // node-llama-cpp looks into a header that it could not read.
    if (error instanceof TypeError) return "its header is damaged or cut short. Download it again.";
    return error instanceof Error ? error.message : String(error);
  }

  async #generate(
    params: GenerationParams,
    signal: AbortSignal,
    onProgress: (progress: GenerationProgress) => void,
    run: (context: GenerationContext, loaded: Loaded) => Promise<Generated>,
  ): Promise<GenerationResult> {
    return this.#compute(signal, async (loaded, measure, either) => {
      const { sequence, chunkTokens, passBytes } = loaded;
      const flash = (await this.#runtime)?.flash;
      const { timings, ...generated } = await run(
        {
          sequence,
          chunkTokens,
          params,
          signal: either,
          onProgress,
          startPass: () => (passBytes > 0 && flash?.share(passBytes)) || (() => 0),
          leaveBehind: (work) => {
            // What became of it was told as cancelled.
            this.#leftBehind = work.catch(() => undefined);
          },
          onDecode: () => flash?.setTokenByToken(true),
        },
        loaded,
      );
      return {
        ...generated,
        timeToFirstTokenMs: timings.timeToFirstTokenMs,
        msPerToken: timings.msPerToken,
        tokensPerSecond: timings.tokensPerSecond,
        flash: measure(generated.tokens.length),
      };
    });
  }

  /**
   * Runs work on the loaded model when its turn comes. `measure` tells what was read since, over so many tokens; `either`
   * is the caller's signal and that of an unload.
   */
  #compute<T>(
    signal: AbortSignal,
    work: (loaded: Loaded, measure: (tokens: number) => FlashStats, either: AbortSignal) => Promise<T>,
  ): Promise<T> {
    return this.#exclusive(async () => {
      const loaded = this.#loaded;
      if (!loaded) throw engineError(ErrorCode.InvalidState, "No model is loaded.");
      const flash = (await this.#runtime)?.flash;
      const measure = flash?.measure() ?? (() => noFlash);
      const unload = new AbortController();
      this.#running = unload;
      const either = AbortSignal.any([signal, unload.signal]);
      const abort = () => flash?.setAbort(true);
      either.addEventListener("abort", abort, { once: true });
      if (either.aborted) abort();
      this.#onState("generating");
      try {
        return await work(loaded, measure, either);
      } catch (error) {
        const failure = flash?.takeError();
        throw failure === undefined ? error : engineError(ErrorCode.ReadFailed, failure);
      } finally {
        either.removeEventListener("abort", abort);
        flash?.setAbort(false);
        flash?.setTokenByToken(false);
        this.#running = undefined;
        this.#onState("ready");
      }
    });
  }

  async #unload(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.context.dispose();
    await loaded?.draft?.dispose();
    await loaded?.model.dispose();
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#leftBehind).then(work);
    // A failure is its caller's; the next in line runs all the same.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}

function promptOf(model: LlamaModel, { prefix, suffix }: CompleteParams): Token[] {
  if (suffix !== undefined && supportsInfill(model)) return infillPrompt(model, prefix, suffix);
  const tokens = model.tokenize(prefix, false);
  const { bos } = model.tokens;
  return model.tokens.shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens;
}

const weightBytes = (plan: Plan | undefined) =>
  plan ? Object.values(plan.weights).reduce((sum, bytes) => sum + bytes, 0) : 0;

function withReason(plan: Plan, ramCapBytes: number): Plan {
  if (plan.fits) return plan;
  const context = plan.contextTokens.toLocaleString("en");
  const draft = plan.draftBytes > 0 ? ` beside its draft model` : "";
  const smaller = plan.maximumContext > 0 ? ` A context of ${plan.maximumContext.toLocaleString("en")} would fit.` : "";
  return {
    ...plan,
    reason: `needs at least ${formatAtLeast(plan.minimumCapBytes)} with a context of ${context}${draft}; the cap is ${formatSize(ramCapBytes)}.${smaller}`,
  };
}

function doesNotFit({ reason, minimumCapBytes, maximumContext, contextTokens }: Plan) {
  const data = { minimumCapBytes, maximumContext, contextTokens };
  return engineError<DoesNotFit>(ErrorCode.DoesNotFit, `The model ${reason}`, data);
}
