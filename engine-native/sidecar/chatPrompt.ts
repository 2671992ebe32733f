/** From a conversation to the ids that a model is given, in its own chat template, within its context. */
import * as l10n from "@vscode/l10n";
import {
  type ChatHistoryItem,
  type ChatWrapper,
  type LlamaContextSequence,
  type LlamaModel,
  SpecialToken,
  type Token,
} from "node-llama-cpp";
import type { ChatMessage, ChatParams, CountPromptTokensResult } from "../../protocol/messages.js";
import { type AnswerForm, answerForm } from "./answerForm.js";
import { oldestTurn, omittedMessages, type SizedMessage } from "./contextFit.js";
import { chatHistory } from "./conversation.js";
import { contextFull, countTokens, tooLong } from "./tokenization.js";

export interface ChatPrompt {
  /** The messages that are in it. */
  history: ChatHistoryItem[];
  tokens: Token[];
  /** The places of the others, in order. */
  omittedMessages: number[];
  /** Places among the tokens where another prompt may part from it: where the last question begins. */
  borders: number[];
}

/** What a template puts around a message, in tokens, about. */
const messageFrame = 8;
/** What must be left for an answer: node-llama-cpp wants one token, and another one for itself. */
const leastRoom = 2;
/** What must be left to go on with an answer, in tokens: with a word or two more nobody is served. */
const leastRoomToContinue = 16;

/** What is asked, and in which form the answer is to be. */
export type Conversation = Pick<
  ChatParams,
  "messages" | "tools" | "toolChoice" | "parallelToolCalls" | "responseSchema" | "whole"
>;

/**
 * Fits a conversation into the context: see contextFit.ts.
 * @throws ResponseError InvalidArgument where the last question alone is too long, or fills the context with the answer that is to go
 * on, or all of it where nothing may be left out; the signal's reason
 */
export async function chatPrompt(
  sequence: LlamaContextSequence,
  form: AnswerForm,
  { messages, whole = false }: Pick<Conversation, "messages" | "whole">,
  signal: AbortSignal,
): Promise<ChatPrompt> {
  const contextTokens = sequence.contextSize;
  const sizes = await sizesOf(sequence, messages, signal);
  const frameTokens = frameOf(sequence, form);
  const continues = messages.at(-1)?.role === "assistant";
  const room = continues ? leastRoomToContinue : leastRoom;
  const omitted = whole ? [] : omittedMessages(sizes, { contextTokens, frameTokens });
  while (true) {
    const left = messages.filter((_, place) => !omitted.includes(place));
    const leastTokens = sizes.reduce((sum, { tokens }, place) => sum + (omitted.includes(place) ? 0 : tokens), 0);
    // What is far too long is not worth to be rendered.
    const prompt = leastTokens > 2 * contextTokens ? undefined : render(sequence, form, left);
    const promptTokens = prompt?.tokens.length ?? leastTokens;
    if (prompt && promptTokens <= contextTokens - room) {
      const borders = sequence.needsCheckpoints ? [lastQuestion(sequence, form, left, prompt.tokens)] : [];
      return { ...prompt, omittedMessages: omitted.sort((a, b) => a - b), borders };
    }
    const next = whole ? undefined : oldestTurn(sizes, omitted);
    if (!next && continues && !whole)
      throw contextFull(
        promptTokens,
        contextTokens,
        left.some(({ keep }) => keep),
      );
    if (!next) throw tooLong(whole ? l10n.t("The prompt") : whatIsTooLong(left), promptTokens, contextTokens, !prompt);
    omitted.push(...next);
  }
}

/**
 * How many tokens all of a conversation has, and which messages would be left out of it.
 * @throws the signal's reason
 */
export async function measurePrompt(
  sequence: LlamaContextSequence,
  wrapper: ChatWrapper,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<CountPromptTokensResult> {
  const { messages } = conversation;
  const form = answerForm(wrapper, conversation);
  const sizes = await sizesOf(sequence, messages, signal, Number.POSITIVE_INFINITY);
  const frameTokens = frameOf(sequence, form);
  const omitted = omittedMessages(sizes, { contextTokens: sequence.contextSize, frameTokens });
  const about = sizes.reduce((sum, { tokens }) => sum + tokens, frameTokens);
  // Of what is far too long nobody needs to know the last token.
  const tokens = about > 2 * sequence.contextSize ? about : render(sequence, form, messages).tokens.length;
  return { tokens, omittedMessages: omitted };
}

function whatIsTooLong(messages: readonly ChatMessage[]): string {
  const said = messages.filter(({ role }) => role !== "system");
  const others = [
    ...(said[0]?.keep ? [l10n.t("what is attached to it")] : []),
    // With results of tools it is not at its end.
    ...(said.length > 1 ? [l10n.t("its answer so far")] : []),
    ...(said.length < messages.length ? [l10n.t("the system prompt")] : []),
  ];
  return others.length === 0 ? l10n.t("The question") : l10n.t("The question, with {0},", others.join(l10n.t(" and ")));
}

/** How many tokens each message has; of one that has more than `most`, any number above it. */
async function sizesOf(
  { model, contextSize }: LlamaContextSequence,
  messages: readonly ChatMessage[],
  signal: AbortSignal,
  most = contextSize,
): Promise<SizedMessage[]> {
  const sizes: SizedMessage[] = [];
  for (const { role, keep, text, toolCalls = [] } of messages) {
    const called = toolCalls.reduce((sum, { name, arguments: args }) => sum + name.length + args.length, 0);
    // Of a call about, and rather too much.
    const tokens = messageFrame + Math.ceil(called / 2) + (await countTokens(model, text, { most, signal }));
    sizes.push({ role, tokens, ...(keep !== undefined && { keep }) });
  }
  return sizes;
}

/** What the template says around a conversation, such as a system prompt of its own, and tools. */
const frameOf = (sequence: LlamaContextSequence, form: AnswerForm): number =>
  render(sequence, form, [{ role: "user", text: "" }]).tokens.length;

/** Where the text of the last question begins among the tokens. */
function lastQuestion(
  sequence: LlamaContextSequence,
  form: AnswerForm,
  messages: readonly ChatMessage[],
  tokens: readonly Token[],
): number {
  const place = messages.findLastIndex(({ role }) => role === "user");
  const without = messages.slice(0, place + 1).with(place, { role: "user", text: "" });
  const other = render(sequence, form, without).tokens;
  const different = tokens.findIndex((token, index) => token !== other[index]);
  return Math.max(0, different);
}

/** All of a conversation as the model is given it, special tokens by their names. Without BOS: who asks puts it before every prompt. */
export function promptText(model: LlamaModel, wrapper: ChatWrapper, conversation: Conversation): string {
  const { contextText } = written(answerForm(wrapper, conversation), conversation.messages);
  const text = contextText.values
    .map((value) =>
      value instanceof SpecialToken ? model.detokenize(value.tokenize(model.tokenizer), true) : value.toString(),
    )
    .join("");
  const { bosString, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bosString && text.startsWith(bosString) ? text.slice(bosString.length) : text;
}

/** The ids of a conversation. */
function render(sequence: LlamaContextSequence, form: AnswerForm, messages: readonly ChatMessage[]) {
  const { history, contextText } = written(form, messages);
  return { history, tokens: contextText.tokenize(sequence.model.tokenizer) };
}

/** A conversation in its template, open for the answer or for the rest of it. */
function written({ wrapper, use }: AnswerForm, messages: readonly ChatMessage[]) {
  const history = chatHistory(messages);
  const open: ChatHistoryItem[] =
    history.at(-1)?.type === "model" ? history : [...history, { type: "model", response: [] }];
  const { contextText } = wrapper.generateContextState({
    chatHistory: open,
    ...(use ? { availableFunctions: use.functions } : {}),
  });
  return { history, contextText };
}
