/**
 * The loaded models and what can be asked of them. Each does one piece of work at a time, more wait their turn; between the two
 * see turns.ts.
 */
import {
  type ChatParams,
  type CompleteParams,
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
  noFlash,
  type Plan,
  type PlanParams,
  type Stats,
} from "../protocol.js";
import { engineError } from "./errors.js";
import { evaluateText } from "./evaluation.js";
import { answer, continueTokens, type Generated, type GenerationContext } from "./generation.js";
import { Lane } from "./lane.js";
import { type Loaded, type LoadedModels, loadModels } from "./loading.js";
import { processMemory } from "./memory.js";
import { planModels, withReason } from "./plan.js";
import { Runtime } from "./runtime.js";
import { tellingSilence } from "./silence.js";
import { orLeave } from "./stop.js";
import { Turns } from "./turns.js";

export type EngineState = "empty" | "loading" | "ready" | "generating";

type OnProgress = (progress: GenerationProgress) => void;

/** What one piece of work on a model gets. */
interface Work {
  loaded: LoadedModels;
  /** The caller's signal and that of an unload. */
  signal: AbortSignal;
}

export class Engine {
  readonly #onState: (state: EngineState) => void;
  readonly #log: (line: string) => void;
  #runtime: Promise<Runtime> | undefined;
  #loaded: LoadedModels | undefined;
  /** What is under way, to be aborted by an unload. */
  readonly #running = new Set<AbortController>();
  /** Who wants both takes this one first. */
  readonly #chatLane = new Lane();
  readonly #inlineLane = new Lane();
  readonly #turns = new Turns();
  /** Pieces of work on the chat model that were left behind and go on. */
  #left = 0;

  constructor(options: { onState(state: EngineState): void; log(line: string): void }) {
    this.#onState = options.onState;
    this.#log = options.log;
  }

  /** @throws ResponseError NotAModel, InvalidArgument. */
  async plan(params: PlanParams): Promise<Plan> {
    const { flash, llama } = await this.#start("flash");
    if (!flash) throw engineError(ErrorCode.InvalidState, "The stock engine makes no plans.");
    return withReason(planModels(flash, { ...params, threads: llama.cpuMathCores }).plan, params.ramCapBytes);
  }

  /** Replaces the loaded models. @throws ResponseError DoesNotFit, NotAModel, ReadFailed, InvalidState. */
  load(params: LoadParams, signal: AbortSignal, onProgress: (progress: LoadProgress) => void): Promise<LoadResult> {
    return this.#alone(async () => {
      await this.#unload();
      signal.throwIfAborted();
      this.#onState("loading");
      try {
        const runtime = await this.#start(params.engine);
        this.#loaded = await loadModels(runtime, params, this.#turns, signal, onProgress);
        return this.#loaded.result;
      } finally {
        this.#onState(this.#loaded ? "ready" : "empty");
      }
    });
  }

  chat(params: ChatParams, signal: AbortSignal, onProgress: OnProgress): Promise<GenerationResult> {
    if (params.messages.at(-1)?.role !== "user") {
      throw engineError(ErrorCode.InvalidArgument, "The last message of a chat must be the user's.");
    }
    return this.#chatLane.enter((leftBehind) =>
      this.#onChatModel(params, signal, onProgress, leftBehind, (context, { chatWrapper }) =>
        answer(context, chatWrapper, params.messages),
      ),
    );
  }

  complete(params: CompleteParams, signal: AbortSignal, onProgress: OnProgress): Promise<GenerationResult> {
    const inline = () =>
      this.#inlineLane.enter((leftBehind) => this.#onInlineModel(params, signal, onProgress, leftBehind));
    if (this.#loaded?.inline) return inline();
    return this.#chatLane.enter((leftBehind) =>
      // A load may have been ahead of it.
      this.#loaded?.inline
        ? inline()
        : this.#onChatModel(params, signal, onProgress, leftBehind, (context, { promptOf }) =>
            continueTokens(context, promptOf(params)),
          ),
    );
  }

  /** @throws ResponseError InvalidArgument, InvalidState, ReadFailed; the signal's reason. */
  evaluate(
    { text }: EvaluateParams,
    signal: AbortSignal,
    onProgress: (progress: EvaluationProgress) => void,
  ): Promise<EvaluationResult> {
    return this.#chatLane.enter((leftBehind) =>
      this.#compute(signal, async ({ loaded, signal: either }, measure) => {
        const stoppable = { signal: either, leaveBehind: (work: Promise<unknown>) => this.#leaveBehind(work) };
        await orLeave(stoppable, leftBehind);
        either.throwIfAborted();
        const { sequence } = loaded.chat;
        const evaluation = await evaluateText({ ...stoppable, sequence, onProgress }, text);
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
      ...(loaded?.inline && { inlineModelPath: loaded.inline.modelPath }),
    };
  }

  /** Ends the generations that run, as if they were cancelled. */
  unload(): Promise<void> {
    for (const controller of this.#running) controller.abort();
    return this.#alone(async () => {
      await this.#unload();
      this.#onState("empty");
    });
  }

  /** Runs work while nothing else does. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#chatLane.run(() => this.#inlineLane.run(work));
  }

  async #start(kind: EngineKind): Promise<Runtime> {
    this.#runtime ??= Runtime.start(kind, this.#log);
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
    params: GenerationParams,
    signal: AbortSignal,
    onProgress: OnProgress,
    leftBehind: Promise<unknown>,
    run: (context: GenerationContext, chat: LoadedModels["chat"]) => Promise<Generated>,
  ): Promise<GenerationResult> {
    return this.#compute(signal, async ({ loaded: { chat }, signal: either }, measure) => {
      const flash = (await this.#runtime)?.flash;
      const context: GenerationContext = {
        ...{ sequence: chat.sequence, chunkTokens: chat.chunkTokens, params, signal: either, onProgress, leftBehind },
        speculation: chat.speculation,
        startPass: () => (chat.passBytes > 0 && flash?.share(chat.passBytes)) || (() => 0),
        beforePass: () => this.#turns.pass(either),
        leaveBehind: (work) => this.#leaveBehind(work),
        onDecode: () => flash?.setTokenByToken(true),
      };
      const generated = await tellingSilence(
        () => flash?.silentMs ?? 0,
        (silentMs) => onProgress({ kind: "disk", silentMs }),
        () => run(context, chat),
      );
      return toResult(chat, generated, measure(generated.tokens.length));
    });
  }

  /** The backend has no part in it: what is told to that is about the chat model. */
  #onInlineModel(
    params: CompleteParams,
    signal: AbortSignal,
    onProgress: OnProgress,
    leftBehind: Promise<unknown>,
  ): Promise<GenerationResult> {
    return this.#work(signal, ({ loaded: { inline }, signal: either }) => {
      if (!inline) throw engineError(ErrorCode.InvalidState, "The inline model is not loaded any more.");
      const context: GenerationContext = {
        ...{
          sequence: inline.sequence,
          chunkTokens: inline.chunkTokens,
          params,
          signal: either,
          onProgress,
          leftBehind,
        },
        startPass: () => () => 0,
        beforePass: () => Promise.resolve(),
        leaveBehind: (work) => this.#inlineLane.leaveBehind(work),
        onDecode: () => undefined,
      };
      return this.#turns.interject(async () =>
        toResult(inline, await continueTokens(context, inline.promptOf(params)), noFlash),
      );
    });
  }

  /** Runs work that our backend may have a part in. `measure` tells what was read since, over so many tokens. */
  #compute<T>(
    signal: AbortSignal,
    work: (work: Work, measure: (tokens: number) => FlashStats) => Promise<T>,
  ): Promise<T> {
    return this.#work(signal, async (own) => {
      const flash = (await this.#runtime)?.flash;
      const measure = flash?.measure() ?? (() => noFlash);
      const abort = () => flash?.setAbort(true);
      own.signal.addEventListener("abort", abort, { once: true });
      if (own.signal.aborted) abort();
      try {
        return await work(own, measure);
      } catch (error) {
        const failure = flash?.takeError();
        throw failure === undefined ? error : engineError(ErrorCode.ReadFailed, failure);
      } finally {
        own.signal.removeEventListener("abort", abort);
        if (this.#left === 0) flash?.setAbort(false);
        flash?.setTokenByToken(false);
      }
    });
  }

  /** What is left behind ends as soon as it sees that it should: until then it is told so. */
  #leaveBehind(work: Promise<unknown>): void {
    const ended = async () => {
      await Promise.allSettled([work]);
      this.#left -= 1;
      if (this.#left === 0) (await this.#runtime)?.flash?.setAbort(false);
    };
    this.#left += 1;
    this.#chatLane.leaveBehind(ended());
  }

  async #work<T>(signal: AbortSignal, work: (work: Work) => Promise<T>): Promise<T> {
    const loaded = this.#loaded;
    if (!loaded) throw engineError(ErrorCode.InvalidState, "No model is loaded.");
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
    await loaded?.chat.dispose();
    await loaded?.inline?.dispose();
  }
}

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
