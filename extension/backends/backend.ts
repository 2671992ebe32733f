/** What answers questions and continues text: the chat, inline suggestions and others know only this. */
import type { CancellationToken } from "vscode-jsonrpc";
import type {
  ChatMessage,
  ChatParams,
  CompleteParams,
  CountPromptTokensResult,
  GenerationResult,
  Thought,
  ToolCall,
} from "../../protocol/messages.js";

export type ChatRequest = Pick<
  ChatParams,
  "sessionId" | "messages" | "temperature" | "maximumTokens" | "tools" | "toolChoice" | "whole" | "thinking"
>;
export type CompletionRequest = Omit<CompleteParams, "progressToken" | "ignoreEos">;

/** `text` more of a thought, and how long it is by then: in tokens, and in milliseconds. */
export type ThoughtProgress = Pick<Thought, "text" | "tokens" | "durationMs">;

export interface ChatEvents {
  /** The answer grew by `text`. */
  onText(text: string): void;
  /** What the model thinks before it answers grew. */
  onThought?(more: ThoughtProgress): void;
  /** The model asks for a tool. */
  onToolCall?(call: ToolCall): void;
  /** Others are answered first: called with true at once, and with false when its turn has come. */
  onWaiting?(waits: boolean): void;
}

export interface Limits {
  /** Prompt and answer together, in tokens. */
  contextTokens: number;
}

export interface Capabilities {
  /** Text after the cursor is of use for a completion. */
  infill: boolean;
}

/**
 * Requests load the model where it is not loaded, and reject with NoModel where none is chosen, InvalidSetting, Cancelled,
 * EngineStopped, or a ResponseError with an ErrorCode of the protocol.
 */
export interface Backend {
  /** Undefined while no model is loaded. */
  readonly capabilities: Capabilities | undefined;
  /** Whether a completion would be answered now. */
  readonly canComplete: boolean;
  /** Whether a question is being answered. */
  readonly isAnswering: boolean;
  /** Somebody is about to ask: makes ready in the background. Errors show in the status. */
  warmUp(): void;
  /**
   * Answers a conversation, after those that were asked before. Cancelling resolves with finishReason `cancelled`, or
   * rejects with Cancelled where the answer has not begun.
   */
  chat(request: ChatRequest, events: ChatEvents, token: CancellationToken): Promise<Answer>;
  /** Ends the thought of an answer that is under way, so that the answer begins. Without such a thought, nothing happens. */
  answerNow(sessionId: string): Promise<void>;
  /**
   * Continues text at once, or resolves with undefined. A newer call cancels the one before.
   * @param onText called with each piece as it comes
   */
  complete(
    request: CompletionRequest,
    token: CancellationToken,
    onText?: (text: string) => void,
  ): Promise<Completion | undefined>;
  /** How many tokens a text has for the model, special tokens not parsed. */
  countTokens(text: string, token: CancellationToken): Promise<number>;
  /** How many tokens the model would read of a conversation, its chat template's included, and what would be left out of it. */
  countPromptTokens(messages: ChatMessage[], token: CancellationToken): Promise<CountPromptTokensResult>;
  limits(token: CancellationToken): Promise<Limits>;
}

export type Answer = Pick<
  GenerationResult,
  "text" | "finishReason" | "tokensPerSecond" | "othersShare" | "flash" | "thought"
> & {
  /** As in {@link GenerationResult}; absent where the backend does not tell. */
  omittedMessages?: readonly number[];
};
type Completion = Pick<GenerationResult, "text" | "finishReason">;
