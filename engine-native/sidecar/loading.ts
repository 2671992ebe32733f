/** From files to models that can be asked: the model, its draft model, the inline model. */
import { basename } from "node:path";
import * as l10n from "@vscode/l10n";
import type { ChatWrapper, LlamaContext, LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import { ResponseError } from "vscode-jsonrpc";
import { engineError } from "../../protocol/errors.js";
import {
  type CompleteParams,
  ErrorCode,
  type FlashStats,
  type LoadParams,
  type LoadProgress,
  type LoadResult,
  noFlash,
  type Plan,
} from "../../protocol/messages.js";
import { takesFlashAttention } from "./attention.js";
import { chatTemplateOf } from "./chatTemplate.js";
import { type Draft, guesses, loadDraft, readsAlike } from "./draft.js";
import type { Flash, FlashModel } from "./flash.js";
import { requireShort, shortened } from "./infill/limits.js";
import { completionPrompt, cutPrompt, supportsInfill } from "./infill/prompt.js";
import { type KeyParts, keyOf } from "./kvCache/key.js";
import { SequenceCache } from "./kvCache/sequenceCache.js";
import type { KvCacheStore } from "./kvCache/store.js";
import type { PassScheduler } from "./passScheduling.js";
import { doesNotFit, type ModelsPlan, planAlone, planModels, planWithoutGpu, refusedFor } from "./plan.js";
import { computingThreads } from "./processors.js";
import { exactly, loadResident, type ResidentPlan, smallBatchContext } from "./residentModel.js";
import type { Runtime } from "./runtime.js";
import { checkMs, longestGuess, Speculation } from "./speculation.js";
import { toolsRefusal } from "./tools.js";
import type { Trial } from "./trial.js";

/** A loaded model and what generating with it depends on. */
export interface Loaded {
  modelPath: string;
  model: LlamaModel;
  sequence: LlamaContextSequence;
  /** Absent where nothing of it is kept on disk. */
  cache: SequenceCache | undefined;
  /** Of a prompt, between two looks at cancellation. */
  chunkTokens: number;
  /** Weights that our backend uses for each pass, in memory or not; 0 where that is not known. */
  passBytes: number;
  /** Absent with the stock engine. */
  served: FlashModel | undefined;
  trial: Trial;
  /** @throws ResponseError InvalidArgument where it cannot fit into the context; the signal's reason. */
  promptOf(params: CompleteParams, signal: AbortSignal): Promise<Token[]>;
  /** Keeps what it has read on disk. @param sessionId of the conversation that it is */
  keep(sessionId?: string): Promise<void>;
  dispose(): Promise<void>;
}

/** All that is loaded. */
export interface LoadedModels {
  params: LoadParams;
  chat: Loaded & {
    chatWrapper: ChatWrapper;
    /** Absent where its template does not allow that. */
    withoutThinking: ChatWrapper | undefined;
    speculation: Speculation | undefined;
  };
  /** Another model for suggestions, or the same one with a context of its own. */
  inline?: Loaded | undefined;
  /** Of all that is kept on disk. */
  store: KvCacheStore | undefined;
  /** Aborted when it is unloaded. */
  unloaded: AbortController;
  /** What was read since it was loaded, over so many tokens. */
  measure(tokens: number): FlashStats;
  /** As in {@link Stats}, now. */
  readonly warmingBytes: number;
  result: LoadResult;
}

/** What is loaded, and with what. */
export interface Loading {
  runtime: Runtime;
  params: LoadParams;
  store: KvCacheStore | undefined;
  scheduler: PassScheduler;
  log(line: string): void;
}

/** llama.cpp's own default. */
const stockBatchTokens = 512;
/** Of an inline model, between two looks at cancellation: what was read of a prompt before a key is kept by so many tokens. */
const inlineChunkTokens = 32;

/**
 * Loads what the parameters name: first the inline model, which is either completely in memory or refused.
 * @throws ResponseError DoesNotFit, NotAModel, ReadFailed; the signal's reason.
 */
export async function loadModels(
  loading: Loading,
  signal: AbortSignal,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadedModels> {
  const { runtime, params } = loading;
  const { flash, llama } = runtime;
  runtime.limitThreads(undefined);
  const threads = params.threads ?? computingThreads(llama.cpuMathCores);
  const request = { ...params, threads, ...(await runtime.chooseGpu(params.vramCapBytes, 0)) };
  let planned = flash && planModels(flash, request);
  if (planned && !planned.plan.fits) throw doesNotFit(planned.plan, params.ramCapBytes);
  if (planned?.inline || planned?.inlineCache) runtime.limitThreads(request.threads);
  let inline: Loaded | undefined;
  if (flash && planned?.inline) {
    const totalBytes = weightBytes(planned.plan) + planned.inline.weightBytes;
    const report = (loadedBytes: number) => onProgress({ loadedBytes: Math.round(loadedBytes), totalBytes });
    try {
      inline = await loadInline(loading, flash, planned.inline, signal, report);
    } catch (error) {
      signal.throwIfAborted();
      planned = planAlone(flash, request, refusedFor(error));
    }
  }
  const before = inline ? (planned?.inline?.weightBytes ?? 0) : 0;
  const load = (planned: ModelsPlan | undefined) => {
    const trial = runtime.trialOf(params.modelPath);
    runtime.reportGpu(planned?.plan.gpu !== undefined);
    const wanted = { params: request, planned, inline, before, trial };
    return trial.run(() => loadModel(loading, wanted, signal, onProgress));
  };
  try {
    try {
      return await load(planned);
    } catch (error) {
      if (signal.aborted || !flash || !planned?.plan.gpu) throw error;
      const without = planWithoutGpu(flash, request, planned, runtime.why(error));
      if (!without.plan.fits) throw error;
      return await load(without);
    }
  } catch (error) {
    runtime.reportGpu(false);
    await inline?.dispose();
    throw error;
  }
}

async function loadInline(
  loading: Loading,
  flash: Flash,
  planned: ResidentPlan,
  signal: AbortSignal,
  report: (loadedBytes: number) => void,
): Promise<Loaded> {
  const { runtime } = loading;
  const trial = runtime.trialOf(planned.modelPath);
  const { model, context, served, dispose } = await trial.run(() =>
    loadResident(runtime.llama, flash, planned, signal, (share) => report(share * planned.weightBytes)),
  );
  const sequence = context.getSequence();
  const { modelPath, contextTokens, kvBytes } = planned;
  const bytesPerToken = kvBytes / contextTokens;
  const cache = cacheOf(loading, sequence, { modelPath, sparsity: "exact", contextTokens, bytesPerToken });
  return {
    modelPath,
    model,
    sequence,
    cache,
    chunkTokens: inlineChunkTokens,
    passBytes: 0,
    served,
    trial,
    promptOf: cutTo(model, planned.contextTokens),
    keep: async () => cache?.save(),
    dispose,
  };
}

/** Prompts of which what is far from the cursor is left out. */
const cutTo =
  (model: LlamaModel, contextTokens: number): Loaded["promptOf"] =>
  async (params) =>
    cutPrompt(model, shortened(model, params, contextTokens), contextTokens);

interface Wanted {
  params: LoadParams & { threads: number };
  planned: ModelsPlan | undefined;
  inline: Loaded | undefined;
  /** Bytes of other models' weights that are loaded already. */
  before: number;
  trial: Trial;
}

async function loadModel(
  loading: Loading,
  { params, planned, inline, before, trial }: Wanted,
  signal: AbortSignal,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadedModels> {
  const { runtime, scheduler, store } = loading;
  const { flash, llama } = runtime;
  const {
    residentBytes = 0,
    streamedBytes = 0,
    pinnedBytes = 0,
    expertCacheBytes = 0,
    neuronCacheBytes = 0,
  } = planned?.plan.weights ?? {};
  const allResident = streamedBytes + pinnedBytes + expertCacheBytes + neuronCacheBytes === 0;
  const speculates = planned !== undefined && guesses(planned.plan);
  // Of what our backend computes.
  const passBytes = () => {
    if (allResident) return planned?.plan.gpu ? 0 : residentBytes;
    // How many experts a prompt uses is not known before.
    return planned && readsAlike(planned.plan) ? streamedBytes + pinnedBytes : 0;
  };
  let served: FlashModel | undefined;
  let model: LlamaModel | undefined;
  let draft: Draft | undefined;
  const load = async (modelPath: string) => {
    runtime.forgetErrors();
    model = await llama.loadModel({
      modelPath,
      gpuLayers: planned?.plan.gpu?.layers ?? 0,
      // With mmap all of the file in the page cache would count against the cap. To a GPU direct reads go through 256 MiB of
      // memory, others through 4 and a page cache that the system may take back.
      ...(flash ? { useMmap: false, useDirectIo: planned?.plan.gpu === undefined } : { useMmap: true }),
      ignoreMemorySafetyChecks: true,
      loadSignal: signal,
      onLoadProgress: (share) => {
        const bytes = weightBytes(planned?.plan);
        onProgress({ loadedBytes: Math.round(before + share * bytes), totalBytes: before + bytes });
      },
    });
    // llama.cpp does not ask whether what is ours could be read.
    const failure = served?.takeError();
    if (failure !== undefined) throw engineError(ErrorCode.ReadFailed, failure);
    const contextTokens = planned?.plan.contextTokens ?? params.contextTokens ?? Math.min(4096, model.trainContextSize);
    const context = await model.createContext({
      contextSize: contextTokens,
      batchSize: Math.min(contextTokens, planned?.microBatchTokens ?? stockBatchTokens),
      sequences: 1,
      threads: exactly(params.threads),
      // Detection takes attention on our backend for attention on another device, and turns it off.
      flashAttention: takesFlashAttention(model) && (flash !== undefined || "auto"),
      ...(planned?.plan.kvType && {
        experimentalKvCacheKeyType: planned.plan.kvType,
        experimentalKvCacheValueType: planned.plan.kvType,
      }),
      ignoreMemorySafetyChecks: true,
      failedCreationRemedy: false,
      createSignal: signal,
    });
    const { inlineCache } = planned ?? {};
    const inlineContext =
      inlineCache && supportsInfill(model)
        ? await smallBatchContext(model, { ...inlineCache, threads: params.threads }, signal)
        : undefined;
    return { model, context, contextTokens, inlineContext };
  };
  try {
    if (planned) served = flash?.open({ ...params, ...limitsOf(planned) }, params.tracePath);
    const made = await (served?.load(load) ?? load(params.modelPath));
    const { model: loaded, context, contextTokens, inlineContext } = made;
    const maximumTokens = planned ? longestGuess(planned.plan) : 0;
    if (params.draftModelPath !== undefined && flash && planned && planned.plan.draftBytes > 0) {
      const { draftModelPath } = params;
      draft = await runtime.trialOf(draftModelPath).run(() => {
        const draftCache = (sequence: LlamaContextSequence, bytesPerToken: number) =>
          cacheOf(loading, sequence, { modelPath: draftModelPath, sparsity: "exact", contextTokens, bytesPerToken });
        return loadDraft(llama, flash, draftModelPath, loaded, contextTokens, signal, draftCache);
      });
    }
    const guesser = draft ? { draft: draft.guesser } : {};
    // The time of the inline model is no measure of guessing.
    const now = () => performance.now() - scheduler.waitedMs;
    const speculation =
      speculates && takesFlashAttention(loaded)
        ? new Speculation({ maximumTokens, checkMs: checkMs(planned.plan), now, ...guesser })
        : undefined;
    const { wrapper: chatWrapper, withoutThinking, ...template } = chatTemplateOf(loaded, params.modelPath);
    const { modelPath, sparsity = "exact" } = params;
    const { kvBytes = 0, gpu, kvType } = planned?.plan ?? {};
    const bytesPerToken = (kvBytes + (gpu?.kvBytes ?? 0)) / contextTokens;
    const cacheIn = (sequence: LlamaContextSequence, kvType: Plan["kvType"]) =>
      cacheOf(loading, sequence, { modelPath, sparsity, contextTokens: sequence.contextSize, kvType, bytesPerToken });
    const inlineSequence = inlineContext?.getSequence();
    const inlineCache = inlineSequence && cacheIn(inlineSequence, undefined);
    const own: Loaded | undefined = inlineContext &&
      inlineSequence && {
        ...{ modelPath, model: loaded, chunkTokens: inlineChunkTokens, passBytes: 0, served, trial },
        sequence: inlineSequence,
        cache: inlineCache,
        promptOf: cutTo(loaded, inlineContext.contextSize),
        keep: async () => inlineCache?.save(),
        dispose: () => inlineContext.dispose(),
      };
    const suggesting = inline ?? own;
    const refusal = toolsRefusal(loaded.fileInfo.metadata.tokenizer?.chat_template, chatWrapper);
    const sequence = context.getSequence({ checkpoints: checkpointsWithin(params.ramCapBytes) });
    const cache = cacheIn(sequence, kvType);
    return {
      params,
      store,
      chat: {
        modelPath: params.modelPath,
        model: loaded,
        sequence,
        cache,
        speculation,
        served,
        chunkTokens: context.batchSize,
        passBytes: passBytes(),
        trial,
        chatWrapper,
        withoutThinking,
        promptOf: async (params, ownSignal) => {
          if (params.typing) return cutTo(loaded, contextTokens)(params, ownSignal);
          await requireShort(loaded, params, context.contextSize, ownSignal);
          return completionPrompt(loaded, params, contextTokens);
        },
        keep: async (sessionId) => {
          await cache?.save(sessionId);
          await draft?.cache?.save(sessionId);
        },
        dispose: () => dispose(loaded, context, draft, served),
      },
      inline: suggesting,
      unloaded: new AbortController(),
      measure: served?.measure() ?? (() => noFlash),
      get warmingBytes() {
        return served?.warmingBytes ?? 0;
      },
      result: {
        ...describe(params.modelPath, loaded, contextTokens),
        ...template,
        ...(refusal !== undefined && { toolsRefusal: refusal }),
        ...(suggesting && {
          inline: describe(suggesting.modelPath, suggesting.model, suggesting.sequence.contextSize),
        }),
        ...(planned && {
          plan: own ? { ...planned.plan, inlineBytes: planned.inlineCache?.bytes ?? 0 } : planned.plan,
        }),
      },
    };
  } catch (error) {
    await draft?.dispose();
    await model?.dispose();
    served?.[Symbol.dispose]();
    if (signal.aborted || error instanceof ResponseError) throw error;
    throw engineError(ErrorCode.NotAModel, l10n.t("{0} cannot be loaded: {1}", params.modelPath, runtime.why(error)));
  }
}

interface Kept extends Omit<KeyParts, "model" | "engine"> {
  /** Of the KV cache. */
  bytesPerToken: number;
}

/** What is kept on disk of a sequence. */
function cacheOf(
  { runtime, store, log }: Loading,
  sequence: LlamaContextSequence,
  { bytesPerToken, ...context }: Kept,
): SequenceCache | undefined {
  if (!store) return undefined;
  const key = keyOf({ ...context, model: sequence.model, engine: runtime.kind });
  return new SequenceCache({ sequence, store, key, bytesPerToken, log });
}

/**
 * Of a model whose state cannot be taken back, states at the borders of messages, so that a changed question or an answer made anew
 * does not read all again. The last one is always kept.
 */
const checkpointsWithin = (ramCapBytes: number) => ({
  max: 8,
  interval: false as const,
  maxMemory: Math.floor(ramCapBytes / 64),
});

/** The context with the plan: what is left of the cap might by itself have another one as its default. */
const limitsOf = ({ ramCapBytes, gpu, plan: { contextTokens } }: ModelsPlan) => ({ ramCapBytes, gpu, contextTokens });

async function dispose(
  model: LlamaModel,
  context: LlamaContext,
  draft: Draft | undefined,
  served: FlashModel | undefined,
): Promise<void> {
  await context.dispose();
  await draft?.dispose();
  await model.dispose();
  served?.[Symbol.dispose]();
}

function describe(modelPath: string, model: LlamaModel, contextTokens: number) {
  const { metadata } = model.fileInfo;
  const name = metadata.general.name ?? basename(modelPath);
  return { name, architecture: metadata.general.architecture, contextTokens, infill: supportsInfill(model) };
}

const weightBytes = (plan: Plan | undefined) =>
  plan ? Object.values(plan.weights).reduce((sum, bytes) => sum + bytes, plan.gpu?.weightBytes ?? 0) : 0;
