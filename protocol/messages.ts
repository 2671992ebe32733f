/**
 * The contract between a client (the extension, the command line) and the sidecar: JSON-RPC 2.0 over stdio, framed as the
 * Language Server Protocol does. This file and messages/ hold types and constants; errors.ts holds the errors, schemas.ts the bounds of
 * each parameter. Any request fails with InvalidArgument where a parameter is out of them.
 * Sizes are bytes, times are milliseconds, lengths of text are tokens unless a name says otherwise.
 */
import { NotificationType, ProgressType, RequestType, RequestType0 } from "vscode-jsonrpc";
import type { DoesNotFit } from "./errors.js";
import type { FlashStats } from "./messages/generation.js";

export { type DoesNotFit, ErrorCode } from "./errors.js";
export * from "./messages/generation.js";
export * from "./messages/inspection.js";
export * from "./messages/prompt.js";
export * from "./messages/tokens.js";
export * from "./messages/tools.js";

/** Both sides must have the same number: they ship together, so a difference means a broken installation. */
export const protocolVersion = 1;

/** `flash`: our backend, inside the cap. `stock`: llama.cpp alone with its own mmap loading, the baseline. */
export type EngineKind = "flash" | "stock";

/** What a person reads: so the sidecar's sentences are for people. */
export interface Display {
  /** A tag such as `de` or `zh-cn`: numbers are written as it has them. */
  language: string;
  /** By the English sentences, as `@vscode/l10n` has them. What is not in it is English. */
  translations: Record<string, string>;
}

export interface InitializeParams {
  protocolVersion: number;
  /** A {@link Display}; absent: English. Of any type, as an engine that speaks English is better than none. */
  display?: unknown;
}
export interface InitializeResult {
  protocolVersion: number;
  /** Version of Flint. */
  version: string;
  /** Release of llama.cpp inside node-llama-cpp. */
  llamaCppRelease: string;
}

/**
 * How much of the feed-forward blocks of a converted model is computed. `exact`: the neurons that are not zero, of which
 * the result is that of all. `predict`: those that its predictor names, at a cost of quality that the conversion has
 * measured. `dense`: all. Other models are always dense.
 */
export type Sparsity = "exact" | "predict" | "dense";

export interface PlanParams {
  /** A `.gguf` file; of a split model its first part. */
  modelPath: string;
  /** The cap on all memory of the sidecar, in bytes. */
  ramCapBytes: number;
  /** Tokens of context; absent: the largest of 4096 and below that the model was trained for and that fits. */
  contextTokens?: number;
  /** How long the disk may be measured for the estimate; absent: too short to be noticed. */
  diskMs?: number;
  /** Absent: exact. */
  sparsity?: Sparsity;
  /** The most that the model may take of a GPU's memory, in bytes; absent: what is free, less a reserve. */
  vramCapBytes?: number;
  /** A small model with the same vocabulary, kept in memory to guess tokens while weights are streamed. */
  draftModelPath?: string;
  /**
   * A model for `complete`, kept in memory so that it answers at once. Without one, or where it has no room, the model
   * does both.
   */
  inlineModelPath?: string;
}

/** Why an inline model that is asked for is not loaded. */
export interface InlineRefusal {
  /** For a person: the reason, and which model does the completions instead. */
  reason: string;
  /** The smallest cap, in bytes, that has room for both; absent where another cap would not help. */
  minimumCapBytes?: number;
}

/** Why a draft model that is asked for is not loaded. */
interface DraftRefusal {
  /** In words: one sentence or two. */
  reason: string;
}

/** What of a model is on a GPU. */
export interface GpuShare {
  /** Of the device, for a person. */
  name: string;
  /** The last ones, of `ofLayers`; the output counts as one. */
  layers: number;
  ofLayers: number;
  /** Of a mixture of experts, layers of these whose experts are there too. */
  expertLayers: number;
  weightBytes: number;
  kvBytes: number;
  /** An estimate of llama.cpp's buffers there. */
  computeBytes: number;
}

/** What lives where, for one model, cap and context. All but `gpu` is of the sidecar's memory or on flash. */
export interface Plan {
  fits: boolean;
  /** The smallest cap that works with this context, all models of the plan together. */
  minimumCapBytes: number;
  /** The largest context that works with this cap, at most what the model was trained for; 0 when none does. */
  maximumContext: number;
  /** The context this plan was made for. */
  contextTokens: number;
  weights: {
    /** Kept in memory by llama.cpp with its own kernels. */
    residentBytes: number;
    /** Kept in memory by our backend. */
    pinnedBytes: number;
    /** Read from flash for every pass over the model. */
    streamedBytes: number;
    /** Embeddings of which only the rows of the tokens at hand are read. */
    rowReadBytes: number;
    /** Pool for experts of MoE models. */
    expertCacheBytes: number;
    /** Pool for neurons of ReLU-family models. */
    neuronCacheBytes: number;
  };
  kvBytes: number;
  /** Of keys and values; absent: F16, as llama.cpp has them by itself. */
  kvType?: "Q8_0";
  computeBytes: number;
  /** The fixed buffer that flash reads go through. */
  stagingBytes: number;
  /** Node, libraries and vocabulary: what the sidecar takes besides the model's weights and context. */
  processBytes: number;
  /** All that the draft model takes of the cap; 0 where there is none, or it is refused. */
  draftBytes: number;
  /** Absent where the draft model is loaded, or none is asked for. */
  draftRefusal?: DraftRefusal;
  /**
   * All that the inline model takes of the cap; of a loaded model that does both, its second KV cache. 0 where there is none, or it is
   * refused.
   */
  inlineBytes: number;
  /** Absent where the inline model is loaded, or none is asked for. */
  inlineRefusal?: InlineRefusal;
  /**
   * Of decoding, from `measured`, and with the draft model where there is one; absent when it could not be measured. What a GPU
   * computes is not in it.
   */
  estimatedTokensPerSecond?: number;
  /**
   * Bytes per second, of this machine now: direct reads of this file; weights multiplied for one token, with all that is
   * computed between the products; the same for one more token of the same pass, which finds the weights in a cache. How many
   * bytes of weights a token is multiplied with, and how many of these are expected to be read for it.
   */
  measured?: {
    diskBytesPerSecond: number;
    computeBytesPerSecond: number;
    checkBytesPerSecond: number;
    usedBytesPerToken: number;
    readBytesPerToken: number;
  };
  /** Absent where no GPU is used. */
  gpu?: GpuShare;
  /** Why no GPU is used though one was asked for, in words; absent where one is, or none was asked for. */
  gpuRefusal?: { reason: string };
  /** For a person, where it does not fit: what is needed and what would help. */
  reason?: string;
}

/** Where the KV caches of earlier prompts are kept on disk (docs/kv-cache.md). */
export interface KvCacheParams {
  /** A folder for nothing else, made where it is missing. Several sidecars may share it. */
  folder: string;
  /** The most that its files may have together. Those that were not used for longest leave. */
  budgetBytes: number;
}

export interface LoadParams extends PlanParams {
  engine: EngineKind;
  /** Threads for arithmetic; absent: the number of physical cores. */
  threads?: number;
  /** Absent: nothing is kept. */
  kvCache?: KvCacheParams;
  /** A file to record in which experts each token was routed to, of a MoE model whose experts are cached. */
  tracePath?: string;
  /** Token for {@link loadProgress}. */
  progressToken?: string;
}
export interface LoadProgress {
  loadedBytes: number;
  totalBytes: number;
}
export interface LoadResult {
  /** `general.name` of the model, or its file name. */
  name: string;
  architecture: string;
  contextTokens: number;
  /** Whether the vocabulary has the tokens for fill-in-the-middle. */
  infill: boolean;
  /**
   * How a conversation is given to the model: `model` by the template of its file, `plain` by a common one, as it has none that
   * works. `none`: a base model, which was not trained to answer; clients refuse to chat with it.
   */
  chatTemplate: "model" | "plain" | "none";
  /** Whether the model thinks before it answers. `optional`: a chat may ask it not to. */
  thinking: "none" | "optional" | "always";
  /** For a person, in one or two sentences: what follows from its template. Absent with that of its file. */
  chatNote?: string;
  /** Why the chat model should not be offered to agents, in a sentence; absent where it calls tools in a form of its own. */
  toolsRefusal?: string;
  /** What makes suggestions beside the chat: the inline model, or the same model with a KV cache of its own. */
  inline?: Pick<LoadResult, "name" | "contextTokens" | "infill">;
  /** Absent for the stock engine, which plans nothing. */
  plan?: Plan;
}

export interface EvaluateParams {
  /** Predicted token by token, in windows of the context's size. */
  text: string;
  /** Token for {@link evaluationProgress}. */
  progressToken?: string;
}
export interface EvaluationProgress {
  evaluatedTokens: number;
  totalTokens: number;
}
export interface EvaluationResult {
  /** e to the mean negative log-likelihood of a token. */
  perplexity: number;
  /** Share of tokens that were the most likely prediction, 0 to 1. */
  accuracy: number;
  /** That were predicted: all but the first of each window. */
  tokens: number;
  /** UTF-8 bytes that these tokens stand for. */
  bytes: number;
  flash: FlashStats;
}

export interface ConvertParams {
  /** A `.gguf` file; of a split model its first part. */
  modelPath: string;
  /** For what is written; absent: the model's. */
  folder?: string;
  /** A type that llama.cpp's quantizer knows, such as `Q4_0`, of an F16 or BF16 model. */
  quantize?: string;
  /** Text to fit predictors to; absent: one of ours. */
  calibrationPath?: string;
  /** Cap on the memory of the process that converts, in bytes; absent: none. */
  ramCapBytes?: number;
  /** Token for {@link convertProgress}. */
  progressToken?: string;
}
export type PlanConversionParams = Pick<ConvertParams, "modelPath" | "ramCapBytes">;
/** What a conversion would take, in bytes, from the model's header alone. */
export interface ConversionPlan {
  /** On disk, of the two files that it writes. The source stays beside them. */
  modelBytes: number;
  storeBytes: number;
  /** Of the process that converts. What of the source is in the page cache is not in it: the system may take it back. */
  memoryBytes: number;
}
/** `done` of `total` in units of the stage: windows of text, layers. */
export interface ConvertProgress {
  stage: "quantize" | "calibrate" | "layers" | "write" | "verify";
  done: number;
  total: number;
}
export interface ConvertResult {
  /** What to load. */
  modelPath: string;
  /** Its neurons, in the same folder. */
  storePath: string;
  /** On disk, without holes. */
  modelBytes: number;
  storeBytes: number;
  /** Of so many tokens of the source's own greedy continuation the converted model agrees with `equalTokens`. */
  verifiedTokens: number;
  equalTokens: number;
  /** Of a part of the calibration text that nothing was fitted to, with all neurons and with predicted ones. */
  densePerplexity: number;
  predictPerplexity: number;
  /** Shares from 0 to 1 of neurons × tokens of the same part. */
  layers: {
    layer: number;
    neurons: number;
    /** Of the predictor. */
    rank: number;
    predictorBytes: number;
    /** Not zero. */
    active: number;
    /** Named by the predictor. */
    predicted: number;
    /** Of the active ones, named. */
    recall: number;
    /** Of the named ones, active. */
    precision: number;
    /** Of the sum of squared contributions to the output, named. */
    energy: number;
    /** Of the down matrix, because it is quantized along neurons: root of (squared errors ÷ squares). */
    downError: number;
  }[];
}

export interface Memory {
  /** 0 for the stock engine, which has no cap. */
  capBytes: number;
  /** The largest resident size of the sidecar since it started, as the kernel counts it. */
  peakBytes: number;
  /** Its resident size now. */
  residentBytes: number;
}
export interface Stats {
  /** Path of the loaded model. */
  modelPath?: string;
  /** Path of the inline model, where one is loaded. */
  inlineModelPath?: string;
  /** Of all models together. */
  memory: Memory;
  flash: FlashStats;
  /** Of the experts that the pool begins with: still to be read, in the background. */
  warmingBytes: number;
}

/** First request of a connection. Fails with InvalidState when the versions differ. */
export const initializeRequest = new RequestType<InitializeParams, InitializeResult, never>("initialize");
/** Fails with NotAModel. A model that does not fit is an answer (`fits: false`), not an error. */
export const planRequest = new RequestType<PlanParams, Plan, never>("plan");
/**
 * Replaces what is loaded: the model and, where one is asked for and has room, the inline model. Fails with DoesNotFit,
 * NotAModel, ReadFailed; that of an inline model is no failure (`inlineRefusal`). Cancellable.
 */
export const loadRequest = new RequestType<LoadParams, LoadResult, DoesNotFit | undefined>("load");
/** How well the loaded model predicts a text. Cancellable: then it fails. Is queued as generations are. */
export const evaluateRequest = new RequestType<EvaluateParams, EvaluationResult, never>("evaluate");
/**
 * Makes a skeleton and a store of neurons of a model with squared ReLU (docs/sparse.md). Goes on where an interrupted one
 * stopped. Fails with NotAModel, InvalidArgument, DoesNotFit, ReadFailed. Cancellable: then it fails, and goes on another time.
 */
export const convertRequest = new RequestType<ConvertParams, ConvertResult, never>("convert");
/**
 * Fails with NotAModel for a model whose feed-forward blocks can't be converted, with DoesNotFit where the cap is too
 * small for it. Whether their activation is squared ReLU is not in a header: `convert` finds out.
 */
export const planConversionRequest = new RequestType<PlanConversionParams, ConversionPlan, never>("planConversion");
export const statsRequest = new RequestType0<Stats, never>("stats");
/** Cancels what runs, frees all models, and ends when what is kept of them on disk is there. Succeeds when nothing is loaded. */
export const unloadRequest = new RequestType0<void, never>("unload");
/** Cancels what runs, answers when what is kept of it on disk is there; then the process ends with status 0. */
export const shutdownRequest = new RequestType0<void, never>("shutdown");

export const loadProgress = new ProgressType<LoadProgress>();
export const convertProgress = new ProgressType<ConvertProgress>();
export const evaluationProgress = new ProgressType<EvaluationProgress>();

/** What the sidecar does: `empty` has no model loaded, `ready` has one and waits. */
export type SidecarState = "empty" | "loading" | "ready" | "generating";
/** From the sidecar, whenever its state changes (a load began, a generation ended). */
export const stateNotification = new NotificationType<{ state: SidecarState }>("state");

/**
 * A model is on trial while it is loaded, and from its first request to its first token. A process that dies meanwhile died of that
 * model, as a rule: llama.cpp ends the process for some files that it cannot work with.
 */
export interface TrialChange {
  modelPath: string;
  state: "begun" | "ended";
}
/** From the sidecar, before and after. */
export const trialNotification = new NotificationType<TrialChange>("trial");

/** From the sidecar: before a model is loaded a part of which a GPU gets, and when it has none any more. */
export const gpuNotification = new NotificationType<{ used: boolean }>("gpu");
