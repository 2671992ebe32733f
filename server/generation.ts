/** Asks the engine for one answer, and says what it cost. */
import type { CancellationToken } from "vscode-jsonrpc";
import { cancelledBy } from "../protocol/client.js";
import {
  type ChatParams,
  type CompleteParams,
  chatRequest,
  completeRequest,
  type GenerationProgress,
  type GenerationResult,
  generationProgress,
} from "../protocol/messages.js";
import type { Ready } from "./engine.js";

type OnTold = (told: GenerationProgress) => void;

let lastToken = 0;

async function generate(
  { connection, onProgress, onResult }: Ready,
  signal: AbortSignal,
  onTold: OnTold,
  send: (progressToken: string, token: CancellationToken) => Promise<GenerationResult>,
): Promise<GenerationResult> {
  lastToken += 1;
  const progressToken = `serve ${lastToken}`;
  const listener = connection.onProgress(generationProgress, progressToken, (progress) => {
    onProgress?.(progress);
    onTold(progress);
  });
  try {
    const result = await cancelledBy(signal, ({ token }) => send(progressToken, token));
    onResult?.(result);
    return result;
  } finally {
    listener.dispose();
  }
}

/** When `signal` is aborted it ends with what there is, as `cancelled`. @throws ResponseError */
export const chat = (
  ready: Ready,
  params: ChatParams,
  signal: AbortSignal,
  onTold: OnTold = () => undefined,
): Promise<GenerationResult> =>
  generate(ready, signal, onTold, (progressToken, token) =>
    ready.connection.sendRequest(chatRequest, { ...params, progressToken }, token),
  );

/** As {@link chat}. */
export const complete = (
  ready: Ready,
  params: CompleteParams,
  signal: AbortSignal,
  onTold: OnTold = () => undefined,
): Promise<GenerationResult> =>
  generate(ready, signal, onTold, (progressToken, token) =>
    ready.connection.sendRequest(completeRequest, { ...params, progressToken }, token),
  );

/** OpenAI's count of one answer, or of several together. */
export function usageOf(results: readonly GenerationResult[]) {
  const sum = (count: (result: GenerationResult) => number) => results.reduce((all, each) => all + count(each), 0);
  const prompt = sum(({ promptTokens }) => promptTokens.length);
  const completion = sum(({ tokens }) => tokens.length);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: sum(({ cachedPromptTokens }) => cachedPromptTokens) },
  };
}

/** llama-server's times of an answer, in milliseconds. */
export function timingsOf(result: GenerationResult) {
  const {
    promptTokens,
    cachedPromptTokens,
    tokens,
    timeToFirstTokenMs: prompt_ms,
    tokensPerSecond,
    msPerToken,
  } = result;
  const prompt_n = promptTokens.length - cachedPromptTokens;
  return {
    cache_n: cachedPromptTokens,
    prompt_n,
    prompt_ms,
    prompt_per_token_ms: prompt_ms / Math.max(1, prompt_n),
    prompt_per_second: prompt_ms > 0 ? (1000 * prompt_n) / prompt_ms : 0,
    predicted_n: tokens.length,
    predicted_ms: msPerToken.mean * tokens.length,
    predicted_per_token_ms: msPerToken.mean,
    predicted_per_second: tokensPerSecond,
  };
}
