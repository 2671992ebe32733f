/** Answers a conversation, in the model's own chat template. */
import { type ChatHistoryItem, type ChatWrapper, LlamaChat, type Token } from "node-llama-cpp";
import type { FinishReason, ToolCall } from "../../protocol/messages.js";
import { endUnlessCalled, nextCallStart } from "./afterCall.js";
import { type AnswerForm, answerForm, Calls, responseGrammar, TextCalls } from "./answerForm.js";
import { type ChatPrompt, type Conversation, chatPrompt } from "./chatPrompt.js";
import { withAnswer } from "./conversation.js";
import { continueTokens, evaluateOf, type Generated, type GenerationContext, logprobsOf } from "./generation.js";
import { withPassScheduling } from "./passScheduling.js";
import { prefill, withPrompt } from "./prefill.js";
import { RepetitionDetector } from "./repetition.js";
import { penalties, sampling } from "./sampling.js";
import { Thoughts } from "./thoughts.js";
import { Timings } from "./timings.js";

/**
 * Answers the last message, or goes on with it where it is an answer. node-llama-cpp knows each template's stop triggers and
 * segments; prefill is ours.
 * @param onThinking is given what ends a thought early
 * @throws ResponseError InvalidArgument where the conversation does not fit into the context.
 */
export async function answer(
  context: GenerationContext,
  wrapper: ChatWrapper,
  conversation: Conversation,
  onThinking: (answerNow: () => boolean) => void,
): Promise<Generated> {
  const { sequence, params, signal, onProgress } = context;
  const continues = conversation.messages.at(-1)?.role === "assistant";
  const form = answerForm(continues ? keepingStart(wrapper) : wrapper, conversation);
  const timings = new Timings();
  const tokens: number[] = [];
  const toolCalls: ToolCall[] = [];
  const logprobs = logprobsOf(context, conversation.responseSchema !== undefined);
  let text = "";
  const thoughts = new Thoughts({
    marked: wrapper.settings.segments?.thought !== undefined,
    closing: sequence.model.tokenize("\n</think>\n\n", true),
    tokensPerSecond: () => timings.tokensPerSecond,
    onProgress,
  });
  onThinking(() => thoughts.answerNow());
  let prompt: ChatPrompt = { history: [], tokens: [], omittedMessages: [], borders: [] };
  let cachedPromptTokens = 0;
  const finish = (finishReason: FinishReason): Generated => ({
    text,
    tokens,
    promptTokens: prompt.tokens,
    cachedPromptTokens,
    omittedMessages: prompt.omittedMessages,
    finishReason,
    ...(logprobs && { logprobs: logprobs.told }),
    ...(thoughts.thought && { thought: thoughts.thought }),
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
    timings,
  });
  const tell = (chunk: string) => {
    text += chunk;
    if (chunk === "") return;
    const { tokensPerSecond } = timings;
    onProgress({
      ...{ kind: "text", text: chunk, tokens: [], tokensPerSecond },
      ...(logprobs && { logprobs: logprobs.take() }),
    });
  };
  try {
    prompt = await chatPrompt(sequence, form, conversation, signal);
  } catch (error) {
    if (signal.aborted) return finish("cancelled");
    throw error;
  }
  const { history, omittedMessages } = prompt;
  if (params.ignoreEos) return { ...(await continueTokens(context, async () => prompt.tokens)), omittedMessages };
  const grammar = await responseGrammar(sequence.model, conversation);
  // With one token more node-llama-cpp would make room in the context, and go on for ever.
  const room = sequence.contextSize - prompt.tokens.length - 1;
  const limit = Math.min(params.maximumTokens ?? room, room);
  // A penalty for repetition, which node-llama-cpp has by itself, would spoil JSON.
  const penalized = penalties(params) ?? (form.use || grammar ? false : undefined);
  const { evaluate } = sequence;
  // LlamaChat asks the sequence for each token. Guesses are not checked against a grammar.
  const guessed = evaluateOf(
    form.use || grammar ? { ...context, speculation: undefined } : context,
    logprobs,
    form.use !== undefined,
  );
  let begins = true;
  let calls: Calls | undefined;
  const { model } = sequence;
  const words = {
    text: (token: Token) => model.detokenize([token], true),
    isEnd: (token: Token) => model.isEogToken(token),
    end: model.tokens.eot ?? model.tokens.eos ?? undefined,
  };
  sequence.evaluate = (rest, options) => {
    const evaluation = guessed(rest, options);
    const steps = begins ? withPrompt(evaluation, context, rest) : evaluation;
    begins = false;
    const told = thoughts.forcing(form.use ? counted(steps) : steps);
    return withPassScheduling(
      calls?.takeEnded() ? endUnlessCalled(told, nextCallStart(form.wrapper), words) : told,
      context,
    );
  };
  const repetition = new RepetitionDetector();
  const repeats = new AbortController();
  const count = (generated: readonly Token[]) => {
    timings.add(generated.length);
    for (const token of generated) {
      tokens.push(token);
      if (repetition.push(token)) repeats.abort();
    }
  };
  // Of a call node-llama-cpp does not tell the tokens.
  const counted = async function* (steps: ReturnType<typeof guessed>): ReturnType<typeof guessed> {
    let step = await steps.next();
    while (!step.done) {
      if (!sequence.model.isEogToken(step.value)) count([step.value]);
      step = await steps.next(yield step.value);
    }
  };
  const respond = async ({ wrapper, use }: AnswerForm, history: ChatHistoryItem[], watch?: TextCalls) => {
    calls = use && new Calls(use, toolCalls, onProgress);
    const chat = new LlamaChat({ contextSequence: sequence, chatWrapper: wrapper, autoDisposeSequence: false });
    try {
      return await chat.generateResponse(history, {
        ...sampling(params),
        ...(penalized === undefined ? {} : { repeatPenalty: penalized }),
        signal: AbortSignal.any([
          signal,
          repeats.signal,
          ...[watch, calls].flatMap((each) => (each ? [each.signal] : [])),
        ]),
        stopOnAbortSignal: true,
        maxTokens: Math.max(1, limit - tokens.length),
        ...(params.stop && params.stop.length > 0 ? { customStopTriggers: params.stop } : {}),
        ...(calls?.options ?? (grammar ? { grammar } : {})),
        budgets: thoughts.budgets,
        onResponseChunk: (chunk) => {
          if (!form.use) count(chunk.tokens);
          logprobs?.come(chunk.tokens);
          if (chunk.type === "segment") {
            logprobs?.forget();
            thoughts.pushSegment(chunk);
            return;
          }
          const said = thoughts.pushText(chunk.text, chunk.tokens.length);
          if (thoughts.isUnderWay) logprobs?.forget();
          tell(watch ? watch.push(said) : said);
        },
      });
    } catch (error) {
      // node-llama-cpp throws where nothing but calls was said before.
      if (signal.aborted || ![repeats, watch, calls].some((each) => each?.signal.aborted)) throw error;
      return { metadata: { stopReason: "abort" as const } };
    } finally {
      chat.dispose();
    }
  };
  try {
    cachedPromptTokens = await prefill(context, prompt.tokens, prompt.borders);
    if (signal.aborted) return finish("cancelled");
    const watch = form.use && new TextCalls(form.use.names);
    let { metadata } = await respond(form, history, watch);
    const called = watch?.called;
    const rest = thoughts.end();
    tell(watch ? watch.push(rest) : rest);
    if (watch && called === undefined) tell(watch.end());
    if (called !== undefined) logprobs?.forget();
    if (form.use && called !== undefined && !signal.aborted && !repeats.signal.aborted) {
      const forced = form.use.forcing(called);
      ({ metadata } = await respond({ wrapper: forced.wrapper(wrapper), use: forced }, withAnswer(history, text)));
    }
    if (signal.aborted) return finish("cancelled");
    if (repeats.signal.aborted) return finish("repetition");
    return finish(metadata.stopReason === "maxTokens" && toolCalls.length === 0 ? "length" : "stop");
  } catch (error) {
    if (signal.aborted) return finish("cancelled");
    throw error;
  } finally {
    sequence.evaluate = evaluate;
  }
}

/** Of an answer that goes on, a blank at the start is part of it; at the start of a new one node-llama-cpp drops it. */
function keepingStart(wrapper: ChatWrapper): ChatWrapper {
  const keeping: ChatWrapper = Object.create(wrapper);
  keeping.generateContextState = (options) => {
    const { ignoreStartText: _, ...state } = wrapper.generateContextState(options);
    return state;
  };
  return keeping;
}
