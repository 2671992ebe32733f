/** What a model is given, and how many tokens that has. */
import { RequestType } from "vscode-jsonrpc";
import type { ToolCall, ToolDefinition } from "./tools.js";

export interface ChatMessage {
  /** `tool`: the result of a call. */
  role: "system" | "user" | "assistant" | "tool";
  text: string;
  /** Of the assistant, after its text. */
  toolCalls?: ToolCall[];
  /** Of a result: the call that it belongs to, which is in a message before. */
  toolCallId?: string;
  /**
   * Of a user's message: stays, with its answer, when older ones are left out of a full context, as for one with files attached.
   * Absent: it does not.
   */
  keep?: boolean;
}

/** Text of another file that may help a completion. */
export interface PromptFile {
  /** Empty where it has none. */
  name: string;
  text: string;
}

export interface CountTokensParams {
  /** Taken as plain text: what looks like a special token is not one. */
  text: string;
}
export interface CountPromptTokensParams {
  /** As `chat` takes them. */
  messages: ChatMessage[];
  tools?: ToolDefinition[];
}
export interface RenderPromptResult {
  /** What the model would be given, special tokens by their names; without BOS, which is put before every prompt. */
  text: string;
}
export interface CountTokensResult {
  tokens: number;
}
export interface CountPromptTokensResult {
  /** Of all messages, also where that is more than the context holds; then about. */
  tokens: number;
  /** The places of the messages that `chat` would leave out. */
  omittedMessages: number[];
}

/**
 * How many tokens a text has for the loaded chat model. Answers also during a generation. Fails with InvalidState when nothing is
 * loaded. Cancellable: then it fails.
 */
export const countTokensRequest = new RequestType<CountTokensParams, CountTokensResult, never>("countTokens");
/** How many tokens `chat` would make of a conversation, those of the model's chat template included. As `countTokens`. */
export const countPromptTokensRequest = new RequestType<CountPromptTokensParams, CountPromptTokensResult, never>(
  "countPromptTokens",
);
/** A conversation in the model's chat template, all of it, open for the answer. As `countTokens`. */
export const renderPromptRequest = new RequestType<CountPromptTokensParams, RenderPromptResult, never>("renderPrompt");

/**
 * `data` of an InvalidArgument error: the prompt and at least one token of an answer do not fit the context. In
 * tokens; of a prompt that is far too long at least so many.
 */
export interface PromptTooLong {
  promptTokens: number;
  contextTokens: number;
}

export const isPromptTooLong = (data: unknown): data is PromptTooLong =>
  typeof data === "object" && data !== null && "promptTokens" in data;
