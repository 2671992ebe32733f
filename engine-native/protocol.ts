/**
 * The contract between a client (the extension, the command line) and the sidecar: JSON-RPC 2.0 over stdio,
 * framed by vscode-jsonrpc. This file holds types and constants only and is all that both sides share.
 * Sizes are bytes, times are milliseconds, lengths of text are tokens unless a name says otherwise.
 */
import { NotificationType, ProgressType, RequestType, RequestType0 } from "vscode-jsonrpc";

/** Both sides must have the same number: they ship together, so a difference means a broken installation. */
export const protocolVersion = 1;

/** JSON-RPC error codes of the engine; the command line exits with the same number (design: exit status). */
export const ErrorCode = {
  /** The protocol versions differ, or a request came in the wrong state (nothing loaded, already loading). */
  InvalidState: 1,
  /** A parameter makes no sense (a cap of zero, an empty prompt). */
  InvalidArgument: 2,
  /** The model and context do not fit the RAM cap. `data` is a {@link DoesNotFit}. */
  DoesNotFit: 3,
  /** Not a usable model: missing, not GGUF, cut short, of an unknown architecture. */
  NotAModel: 4,
  /** The disk failed while reading the model. */
  ReadFailed: 5,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** `data` of a {@link ErrorCode.DoesNotFit} error: what would fit. */
export interface DoesNotFit {
  /** The smallest cap, in bytes, that works with the asked context. */
  minimumCapBytes: number;
  /** The largest context, in tokens, that works with the asked cap; 0 when none does. */
  maximumContext: number;
  /** The context that was tried. */
  contextTokens: number;
}

/** `flash`: our backend, inside the cap. `stock`: llama.cpp alone with its own mmap loading, the baseline. */
export type EngineKind = "flash" | "stock";

export interface InitializeParams {
  protocolVersion: number;
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
  /** In words: what is the matter, and who does the completions instead. */
  reason: string;
  /** The smallest cap, in bytes, that has room for both; absent where another cap would not help. */
  minimumCapBytes?: number;
}

/** What lives where, for one model, cap and context. */
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
  computeBytes: number;
  /** The fixed buffer that flash reads go through. */
  stagingBytes: number;
  /** Node, libraries and vocabulary: what the sidecar takes besides the model's weights and context. */
  processBytes: number;
  /** All that the draft model takes of the cap; 0 where there is none, or none is needed as nothing is streamed. */
  draftBytes: number;
  /** All that the inline model takes of the cap; 0 where there is none, or it is refused. */
  inlineBytes: number;
  /** Absent where the inline model is loaded, or none is asked for. */
  inlineRefusal?: InlineRefusal;
  /** Of decoding, from `measured`; absent when it could not be measured. */
  estimatedTokensPerSecond?: number;
  /**
   * Bytes per second, of this machine now: direct reads of this file, and weights multiplied for one token; how many bytes
   * of weights a token is multiplied with, and how many of these are expected to be read for it.
   */
  measured?: {
    diskBytesPerSecond: number;
    computeBytesPerSecond: number;
    usedBytesPerToken: number;
    readBytesPerToken: number;
  };
  /** In words, when it does not fit: what is needed and what would help. */
  reason?: string;
}

export interface LoadParams extends PlanParams {
  engine: EngineKind;
  /** Threads for arithmetic; absent: the number of physical cores. */
  threads?: number;
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
  /** The inline model, where there is one. */
  inline?: Pick<LoadResult, "name" | "contextTokens" | "infill">;
  /** Absent for the stock engine, which plans nothing. */
  plan?: Plan;
}

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  text: string;
}

/** What both ways of generating share. */
export interface GenerationParams {
  /** Absent: until the model stops or the context is full. */
  maximumTokens?: number;
  /** 0 is greedy, and the default. */
  temperature?: number;
  seed?: number;
  /** Go on after an end-of-generation token (benchmarks only). */
  ignoreEos?: boolean;
  /** Token for {@link generationProgress}. */
  progressToken?: string;
}
export interface ChatParams extends GenerationParams {
  /** The whole conversation, oldest first; the last one is the user's. */
  messages: ChatMessage[];
}
export interface CompleteParams extends GenerationParams {
  /** Raw text before the cursor: no chat template is applied. */
  prefix: string;
  /** Text after the cursor: makes it an infill by the model's own FIM tokens where it has them. */
  suffix?: string;
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

export type GenerationProgress =
  | { kind: "prompt"; readTokens: number; totalTokens: number }
  /** The disk has given nothing for so long, in milliseconds, of what the answer needs: told each second, and 0 when it gives again. */
  | { kind: "disk"; silentMs: number }
  /** `text` may be empty while a character is still incomplete; `tokensPerSecond` is of the answer so far. */
  | { kind: "text"; text: string; tokens: number[]; tokensPerSecond: number };

export interface GenerationResult {
  /** Path of the model that said it. */
  modelPath: string;
  text: string;
  /** Generated ids, an end-of-generation token not included unless it was ignored. */
  tokens: number[];
  /** Ids fed in, BOS included where the model's metadata asks for one. */
  promptTokens: number[];
  /** `cancelled`: the text so far is in `text`; nothing is lost. */
  finishReason: "stop" | "length" | "cancelled";
  timeToFirstTokenMs: number;
  /** Of the tokens after the first. */
  msPerToken: { mean: number; median: number; p95: number };
  tokensPerSecond: number;
  flash: FlashStats;
}

/** Of one generation, or since the model was loaded (`stats`). */
export interface FlashStats {
  readBytes: number;
  readBytesPerToken: number;
  /** Of these, for experts that were guessed and not needed. */
  wastedBytesPerToken: number;
  readsPerToken: number;
  /** While reads were under way; absent when none was. */
  diskBytesPerSecond?: number;
  /** Of the loaded model's first pass, in milliseconds, its first layer that is streamed; absent until it has ended. */
  firstLayerMs?: number;
  /** Bytes that were in memory when needed ÷ all bytes of weights that our backend used; 0 to 1. */
  hitRate: number;
}

/** Nothing was read. */
export const noFlash: FlashStats = {
  readBytes: 0,
  readBytesPerToken: 0,
  wastedBytesPerToken: 0,
  readsPerToken: 0,
  hitRate: 1,
};

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
/** Cancellable: then it succeeds with finishReason `cancelled`. One generation runs at a time; more are queued. */
export const chatRequest = new RequestType<ChatParams, GenerationResult, never>("chat");
/**
 * As `chat`, without a chat template. An inline model does it without waiting for the other's work: it computes between two
 * passes of that, which goes on when it is done. Text that is longer than an inline model's context is cut far from the cursor.
 */
export const completeRequest = new RequestType<CompleteParams, GenerationResult, never>("complete");
/** How well the loaded model predicts a text. Cancellable: then it fails. Waits its turn as generations do. */
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
/** Cancels what runs and frees all models. Succeeds when nothing is loaded. */
export const unloadRequest = new RequestType0<void, never>("unload");
/** Answers, then the process ends with status 0. */
export const shutdownRequest = new RequestType0<void, never>("shutdown");

export const loadProgress = new ProgressType<LoadProgress>();
export const convertProgress = new ProgressType<ConvertProgress>();
export const evaluationProgress = new ProgressType<EvaluationProgress>();
export const generationProgress = new ProgressType<GenerationProgress>();

/** From the sidecar, whenever it changes by itself (a load began, a generation ended). */
export const stateNotification = new NotificationType<{ state: "empty" | "loading" | "ready" | "generating" }>("state");
