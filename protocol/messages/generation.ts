/**
 * The part of the contract (messages.ts) that is about generating text: chat and completions. Units and errors are as
 * there.
 */
import { ProgressType, RequestType } from "vscode-jsonrpc";
import type { CompletionText } from "./completion.js";
import type { ChatMessage } from "./prompt.js";
import type { AnswerFormParams, SamplingParams, ToolCall } from "./tools.js";

/** What both ways of generating share. */
export interface GenerationParams extends SamplingParams {
  /** 1 or more; no answer is longer than the context. Absent: until the model stops or the context is full. */
  maximumTokens?: number;
  /** From 0 to 100. 0 is greedy, and the default. */
  temperature?: number;
  /** From 0 to 2^32 - 2. Absent: another one for each request. */
  seed?: number;
  /** Tell how likely each token of the answer was, with so many of the likeliest in its place: 0 to 20. Absent: that is not looked at. */
  logprobs?: number;
  /** Go on after an end-of-generation token (benchmarks only). */
  ignoreEos?: boolean;
  /** Token for {@link generationProgress}. */
  progressToken?: string;
}
export interface ChatParams extends GenerationParams, AnswerFormParams {
  /** Of the conversation, chosen by the client and the same for all its questions. Comes back in the result. */
  sessionId?: string;
  /**
   * All of the conversation, oldest first. The last message is the user's, or the answer to it as far as it has come, which is
   * continued. Where it is more than the context holds, and not `whole`, the oldest questions are left out with their answers
   * (`omittedMessages`); system messages and what is to be kept stay. Fails with InvalidArgument where that is not enough.
   */
  messages: ChatMessage[];
  /** False: the model is not to think before it answers, where its template allows that (`thinking` of LoadResult). Absent: it may. */
  thinking?: boolean;
}
export interface CompleteParams extends GenerationParams, CompletionText {}

export type GenerationProgress =
  | { kind: "prompt"; readTokens: number; totalTokens: number }
  /**
   * How long the disk has delivered nothing of what the answer needs, in milliseconds: sent each second, and once with 0 when it
   * delivers again.
   */
  | { kind: "disk"; stalledMs: number }
  /**
   * The share of the processor's time, 0 to 1, that other programs have used in the last seconds: sent each second while it is so
   * much that an answer is slow for it, and once with 0 when it is not any more.
   */
  | { kind: "processor"; othersShare: number }
  /**
   * `text` may be empty while a character is still incomplete; `tokensPerSecond` is of the answer so far. `logprobs` of the tokens of
   * this text, where they are asked for.
   */
  | { kind: "text"; text: string; tokens: number[]; tokensPerSecond: number; logprobs?: TokenLogprob[] }
  /** The model thinks before it answers: `text` more of it, with all tokens and the time so far. */
  | { kind: "thought"; text: string; tokens: number; durationMs: number; tokensPerSecond: number }
  /** A call is complete. No text follows. */
  | { kind: "toolCall"; call: ToolCall };

/** How likely a token was. */
export interface TokenLikelihood {
  token: number;
  /** Of what it stands for; U+FFFD for what is no whole character. */
  text: string;
  /** The same, UTF-8. */
  bytes: number[];
  /** Natural logarithm of its probability among all that could be drawn, after penalties and temperature; -9999 or more. */
  logprob: number;
}
/** A token of an answer. */
export interface TokenLogprob extends TokenLikelihood {
  /** The likeliest ones in its place, the likeliest first. */
  top: TokenLikelihood[];
}

/** What a model thought before it answered. It is no part of the answer, and clients do not send it back. */
export interface Thought {
  text: string;
  /** How many. */
  tokens: number;
  durationMs: number;
  /** By `answerNow`. Absent: it ended by itself, or has not ended. */
  endedEarly?: boolean;
}

export interface AnswerNowParams {
  /** Of the chat that is under way. */
  sessionId: string;
}

export interface ForgetSessionParams {
  /** Of a conversation. */
  sessionId: string;
}

/**
 * Why a generation ended. `length`: at `maximumTokens`, or the context is full. `cancelled`: the text so far is in `text`;
 * nothing is lost. `repetition`: a chat's answer said the same over and over.
 */
export type FinishReason = "stop" | "length" | "cancelled" | "repetition";

export interface GenerationResult {
  /** Path of the model that generated it. */
  modelPath: string;
  /** As in {@link ChatParams}; absent where the request had none. */
  sessionId?: string;
  text: string;
  /** Generated ids, an end-of-generation token not included unless it was ignored. */
  tokens: number[];
  /** Ids fed in, BOS included where the model's metadata asks for one. */
  promptTokens: number[];
  /** How many of these, from the first on, were in the KV cache already, in memory or on disk: only the others were evaluated. */
  cachedPromptTokens: number;
  /** Of a chat whose messages are more than the context holds: the places of those that were left out, in order. Else empty. */
  omittedMessages: number[];
  finishReason: FinishReason;
  /** Of the tokens of `text`; absent where they were not asked for. */
  logprobs?: TokenLogprob[];
  /** Absent where the model did not think. */
  thought?: Thought;
  /** That the model asks for at the end of its answer; absent where it asks for none. */
  toolCalls?: ToolCall[];
  timeToFirstTokenMs: number;
  /** Of the tokens after the first. */
  msPerToken: { mean: number; median: number; p95: number };
  tokensPerSecond: number;
  /**
   * The share of the processor's time, 0 to 1, that other programs used meanwhile; absent where it was too short to tell, or the
   * system does not.
   */
  othersShare?: number;
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

/** Cancellable: then it succeeds with finishReason `cancelled`. One generation runs at a time; more are queued. */
export const chatRequest = new RequestType<ChatParams, GenerationResult, never>("chat");
/** Ends the thought of a chat that is under way, so that its answer begins. Gives false where there is no such thought to end. */
export const answerNowRequest = new RequestType<AnswerNowParams, boolean, never>("answerNow");
/**
 * A conversation was deleted: nothing of it is kept on disk from now on, unless it goes on. What is kept already is up to the client,
 * which deletes it by name (kvCacheFiles.ts).
 */
export const forgetSessionRequest = new RequestType<ForgetSessionParams, void, never>("forgetSession");
/**
 * As `chat`, without a chat template. An inline model does it without waiting for the other's work: it computes between two
 * passes of that, which goes on when it is done. Where one model does both and a second KV cache has room, so is what has a `middle`. Text
 * that is longer than an inline model's context, and any with a `middle`, is cut far from the cursor.
 */
export const completeRequest = new RequestType<CompleteParams, GenerationResult, never>("complete");
export const generationProgress = new ProgressType<GenerationProgress>();
