/** Turns a prompt into tokens on one context sequence: prefill, decode, timings. */
import {
  type ChatHistoryItem,
  type ChatWrapper,
  LlamaChat,
  type LlamaContextSequence,
  type Token,
} from "node-llama-cpp";
import { type ChatMessage, ErrorCode, type GenerationParams } from "../protocol.js";
import { engineError } from "./errors.js";
import { guessing } from "./guessed.js";
import { type PrefillContext, prefill, withPrompt } from "./prefill.js";
import type { Speculation } from "./speculation.js";
import { Timings } from "./timings.js";
import { withTurns } from "./turns.js";

/** What a generation yields; the engine adds what the flash backend counted. */
export interface Generated {
  text: string;
  tokens: number[];
  promptTokens: number[];
  finishReason: "stop" | "length" | "cancelled";
  timings: Timings;
}

export interface GenerationContext extends PrefillContext {
  params: GenerationParams;
  /** Absent where it would not pay. */
  speculation?: Speculation | undefined;
}

/**
 * Continues `prompt` until an end-of-generation token, the limit, or the end of the context.
 * @throws ResponseError InvalidArgument when the prompt is empty or longer than the context.
 */
export async function continueTokens(context: GenerationContext, prompt: Token[]): Promise<Generated> {
  const { sequence, params, signal, onProgress } = context;
  const { model } = sequence;
  const room = sequence.contextSize - prompt.length;
  if (prompt.length === 0) throw engineError(ErrorCode.InvalidArgument, "The prompt is empty.");
  if (room < 1) {
    throw engineError(
      ErrorCode.InvalidArgument,
      `The prompt has ${prompt.length} tokens, the context ${sequence.contextSize}. Shorten it or use a larger context.`,
    );
  }
  const limit = Math.min(params.maximumTokens ?? room, room);
  const timings = new Timings();
  const tokens: Token[] = [];
  let text = "";
  const finish = (finishReason: Generated["finishReason"]) => ({
    text: model.detokenize(tokens, false, prompt),
    tokens,
    promptTokens: prompt,
    finishReason,
    timings,
  });
  try {
    await prefill(context, prompt);
    if (signal.aborted) return finish("cancelled");
    const rest = prompt.slice(sequence.nextTokenIndex);
    const evaluation = guessing(sequence, context.speculation)(rest, {
      temperature: params.temperature ?? 0,
      yieldEogToken: params.ignoreEos === true,
      ...(params.seed === undefined ? {} : { seed: params.seed }),
    });
    for await (const token of withTurns(withPrompt(evaluation, context, rest), context)) {
      timings.add(1);
      tokens.push(token);
      // The whole answer each time: a character may need more than one token, and spaces depend on what is before.
      const whole = model.detokenize(tokens, false, prompt);
      const complete = whole.endsWith("\uFFFD") ? text : whole;
      onProgress({
        kind: "text",
        text: complete.slice(text.length),
        tokens: [token],
        tokensPerSecond: timings.tokensPerSecond,
      });
      text = complete;
      if (tokens.length >= limit) return finish("length");
      if (signal.aborted) return finish("cancelled");
    }
    return finish(signal.aborted ? "cancelled" : "stop");
  } catch (error) {
    // An aborted computation surfaces as a failed decode.
    if (signal.aborted) return finish("cancelled");
    throw error;
  }
}

function history(messages: readonly ChatMessage[]): ChatHistoryItem[] {
  return messages.map(({ role, text }) =>
    role === "assistant" ? { type: "model", response: [text] } : { type: role, text },
  );
}

/** The ids of a conversation in the model's own template, open for the answer. */
export function chatPrompt(wrapper: ChatWrapper, messages: readonly ChatMessage[], sequence: LlamaContextSequence) {
  const { contextText } = wrapper.generateContextState({
    chatHistory: [...history(messages), { type: "model", response: [] }],
  });
  return contextText.tokenize(sequence.model.tokenizer);
}

/** Answers the last message. node-llama-cpp knows each template's stop triggers and segments; prefill is ours. */
export async function answer(
  context: GenerationContext,
  wrapper: ChatWrapper,
  messages: readonly ChatMessage[],
): Promise<Generated> {
  const { sequence, params, signal, onProgress } = context;
  const prompt = chatPrompt(wrapper, messages, sequence);
  if (params.ignoreEos) return continueTokens(context, prompt);
  const timings = new Timings();
  const tokens: Token[] = [];
  let text = "";
  const finish = (finishReason: Generated["finishReason"]) => ({
    text,
    tokens,
    promptTokens: prompt,
    finishReason,
    timings,
  });
  const { evaluate } = sequence;
  // LlamaChat asks the sequence for each token.
  const guessed = guessing(sequence, context.speculation);
  let begins = true;
  sequence.evaluate = (rest, options) => {
    const evaluation = guessed(rest, options);
    const whole = begins ? withPrompt(evaluation, context, rest) : evaluation;
    begins = false;
    return withTurns(whole, context);
  };
  const chat = new LlamaChat({ contextSequence: sequence, chatWrapper: wrapper, autoDisposeSequence: false });
  try {
    // A conversation longer than the context is shortened by node-llama-cpp, so there is no prompt to read ahead.
    if (prompt.length < sequence.contextSize) await prefill(context, prompt);
    if (signal.aborted) return finish("cancelled");
    const { metadata } = await chat.generateResponse(history(messages), {
      temperature: params.temperature ?? 0,
      signal,
      stopOnAbortSignal: true,
      ...(params.maximumTokens === undefined ? {} : { maxTokens: params.maximumTokens }),
      ...(params.seed === undefined ? {} : { seed: params.seed }),
      onToken: (generated) => {
        timings.add(generated.length);
        tokens.push(...generated);
      },
      onTextChunk: (chunk) => {
        text += chunk;
        const tokensPerSecond = timings.tokensPerSecond;
        onProgress({ kind: "text", text: chunk, tokens: [], tokensPerSecond });
      },
    });
    if (metadata.stopReason === "abort") return finish("cancelled");
    return finish(metadata.stopReason === "maxTokens" ? "length" : "stop");
  } catch (error) {
    if (signal.aborted) return finish("cancelled");
    throw error;
  } finally {
    sequence.evaluate = evaluate;
    chat.dispose();
  }
}
