/** From files to models that can be asked: the model, its draft model, the inline model. */
import { basename } from "node:path";
import {
  type ChatWrapper,
  type LlamaContext,
  type LlamaContextSequence,
  type LlamaModel,
  resolveChatWrapper,
  type Token,
} from "node-llama-cpp";
import { ResponseError } from "vscode-jsonrpc";
import {
  type CompleteParams,
  ErrorCode,
  type FlashStats,
  type LoadParams,
  type LoadProgress,
  type LoadResult,
  noFlash,
  type Plan,
} from "../protocol.js";
import { takesFlashAttention } from "./attention.js";
import { type Draft, guesses, loadDraft } from "./draft.js";
import { engineError } from "./errors.js";
import { completionPrompt, cutPrompt, supportsInfill } from "./infill.js";
import { doesNotFit, type ModelsPlan, planAlone, planModels, refusedFor } from "./plan.js";
import type { Runtime } from "./runtime.js";
import { checkMs, longestGuess, Speculation } from "./speculation.js";
import type { Turns } from "./turns.js";
import { exactly, loadWhole, type WholePlan, wholeBatchTokens } from "./whole.js";

/** A loaded model and what generating with it depends on. */
export interface Loaded {
  modelPath: string;
  model: LlamaModel;
  sequence: LlamaContextSequence;
  /** Of a prompt, between two looks at cancellation. */
  chunkTokens: number;
  /** Weights that our backend uses for each pass, in memory or not: 0 when llama.cpp has all. */
  passBytes: number;
  promptOf(params: CompleteParams): Token[];
  dispose(): Promise<void>;
}

/** All that is loaded. */
export interface LoadedModels {
  params: LoadParams;
  chat: Loaded & { chatWrapper: ChatWrapper; speculation: Speculation | undefined };
  inline?: Loaded | undefined;
  /** What was read since it was loaded, over so many tokens. */
  measure(tokens: number): FlashStats;
  /** As in {@link Stats}, now. */
  readonly warmingBytes: number;
  result: LoadResult;
}

/** llama.cpp's own default. */
const stockBatchTokens = 512;

/**
 * Loads what the parameters name: first the inline model, which is either in memory as a whole or refused.
 * @throws ResponseError DoesNotFit, NotAModel, ReadFailed; the signal's reason.
 */
export async function loadModels(
  runtime: Runtime,
  params: LoadParams,
  turns: Turns,
  signal: AbortSignal,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadedModels> {
  const { flash, llama } = runtime;
  runtime.takeTurns(undefined);
  const request = { ...params, threads: params.threads ?? llama.cpuMathCores };
  let planned = flash && planModels(flash, request);
  if (planned && !planned.plan.fits) throw doesNotFit(planned.plan, params.ramCapBytes);
  let inline: Loaded | undefined;
  if (flash && planned?.inline) {
    const totalBytes = weightBytes(planned.plan) + planned.inline.weightBytes;
    const tell = (loadedBytes: number) => onProgress({ loadedBytes: Math.round(loadedBytes), totalBytes });
    try {
      runtime.takeTurns(request.threads);
      inline = await loadInline(runtime, planned.inline, signal, tell);
    } catch (error) {
      signal.throwIfAborted();
      planned = planAlone(flash, request, refusedFor(error));
    }
  }
  try {
    const before = inline ? (planned?.inline?.weightBytes ?? 0) : 0;
    return await loadModel(runtime, { params: request, planned, inline, before }, turns, signal, onProgress);
  } catch (error) {
    await inline?.dispose();
    throw error;
  }
}

async function loadInline(
  { llama }: Runtime,
  planned: WholePlan,
  signal: AbortSignal,
  tell: (loadedBytes: number) => void,
): Promise<Loaded> {
  const { model, context } = await loadWhole(llama, planned, signal, (share) => tell(share * planned.weightBytes));
  return {
    modelPath: planned.modelPath,
    model,
    sequence: context.getSequence(),
    chunkTokens: wholeBatchTokens,
    passBytes: 0,
    promptOf: (params) => cutPrompt(model, params, planned.contextTokens),
    dispose: () => model.dispose(),
  };
}

interface Wanted {
  params: LoadParams & { threads: number };
  planned: ModelsPlan | undefined;
  inline: Loaded | undefined;
  /** Bytes of other models' weights that are loaded already. */
  before: number;
}

async function loadModel(
  runtime: Runtime,
  { params, planned, inline, before }: Wanted,
  turns: Turns,
  signal: AbortSignal,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadedModels> {
  const { flash, llama } = runtime;
  const {
    streamedBytes = 0,
    pinnedBytes = 0,
    expertCacheBytes = 0,
    neuronCacheBytes = 0,
  } = planned?.plan.weights ?? {};
  const isOurs = streamedBytes + pinnedBytes + expertCacheBytes + neuronCacheBytes > 0;
  const speculates = planned !== undefined && guesses(planned.plan);
  let model: LlamaModel | undefined;
  let draft: Draft | undefined;
  try {
    if (planned) flash?.configure({ ...params, ...limitsOf(planned) }, params.tracePath);
    runtime.forgetErrors();
    model = await llama.loadModel({
      modelPath: flash?.outlinePath ?? params.modelPath,
      gpuLayers: 0,
      // mmap would count the whole file in the page cache against the cap.
      ...(flash ? { useMmap: false, useDirectIo: true } : { useMmap: true }),
      ignoreMemorySafetyChecks: true,
      loadSignal: signal,
      onLoadProgress: (share) => {
        const bytes = weightBytes(planned?.plan);
        onProgress({ loadedBytes: Math.round(before + share * bytes), totalBytes: before + bytes });
      },
    });
    // llama.cpp does not ask whether what is ours could be read.
    const failure = flash?.takeError();
    if (failure !== undefined) throw engineError(ErrorCode.ReadFailed, failure);
    const contextTokens = planned?.plan.contextTokens ?? params.contextTokens ?? Math.min(4096, model.trainContextSize);
    const context = await model.createContext({
      contextSize: contextTokens,
      batchSize: Math.min(contextTokens, planned?.microBatchTokens ?? stockBatchTokens),
      sequences: 1,
      threads: exactly(params.threads),
      // Detection takes attention on our backend for attention on another device, and turns it off.
      flashAttention: takesFlashAttention(model) && (isOurs || "auto"),
      ignoreMemorySafetyChecks: true,
      failedCreationRemedy: false,
      createSignal: signal,
    });
    flash?.deconfigure();
    const maximumTokens = planned ? longestGuess(planned.plan) : 0;
    if (params.draftModelPath !== undefined && planned && planned.plan.draftBytes > 0) {
      draft = await loadDraft(llama, params.draftModelPath, model, contextTokens, signal);
    }
    const guesser = draft ? { draft: draft.guesser } : {};
    // What others have computed meanwhile says nothing about guessing.
    const now = () => performance.now() - turns.waitedMs;
    const speculation =
      speculates && takesFlashAttention(model)
        ? new Speculation({ maximumTokens, checkMs: checkMs(planned.plan), now, ...guesser })
        : undefined;
    const loaded = model;
    return {
      params,
      chat: {
        modelPath: params.modelPath,
        model,
        sequence: context.getSequence(),
        speculation,
        chunkTokens: isOurs ? context.batchSize : wholeBatchTokens,
        // How many experts a prompt uses is not known before.
        passBytes: speculates ? streamedBytes + pinnedBytes : 0,
        chatWrapper: resolveChatWrapper(model),
        promptOf: (params) => completionPrompt(loaded, params),
        dispose: () => dispose(loaded, context, draft),
      },
      inline,
      measure: flash?.measure() ?? (() => noFlash),
      get warmingBytes() {
        return flash?.warmingBytes ?? 0;
      },
      result: {
        ...describe(params.modelPath, model, contextTokens),
        ...(inline && { inline: describe(inline.modelPath, inline.model, inline.sequence.contextSize) }),
        ...(planned && { plan: planned.plan }),
      },
    };
  } catch (error) {
    await draft?.dispose();
    await model?.dispose();
    if (signal.aborted || error instanceof ResponseError) throw error;
    throw engineError(ErrorCode.NotAModel, `${params.modelPath} cannot be loaded: ${runtime.why(error)}`);
  } finally {
    flash?.deconfigure();
  }
}

/** The context with the plan: what is left of the cap might by itself have another one as its default. */
const limitsOf = ({ ramCapBytes, plan: { contextTokens } }: ModelsPlan) => ({ ramCapBytes, contextTokens });

async function dispose(model: LlamaModel, context: LlamaContext, draft: Draft | undefined): Promise<void> {
  await context.dispose();
  await draft?.dispose();
  await model.dispose();
}

function describe(modelPath: string, model: LlamaModel, contextTokens: number) {
  const { metadata } = model.fileInfo;
  const name = metadata.general.name ?? basename(modelPath);
  return { name, architecture: metadata.general.architecture, contextTokens, infill: supportsInfill(model) };
}

const weightBytes = (plan: Plan | undefined) =>
  plan ? Object.values(plan.weights).reduce((sum, bytes) => sum + bytes, 0) : 0;
