import { expect, test } from "vitest";
import type { ChatMessage } from "../../../protocol/messages.js";
import type { Message, UserMessage } from "../../../webview/messages.js";
import { systemPrompt } from "../prompt/systemPrompt.js";
import { measurePrompt } from "./meter.js";

const context = 100;

/** As if each word were a token, and the system prompt ten; the oldest questions leave when more than 75 are there. */
async function count(messages: ChatMessage[]) {
  const sizes = messages.map(({ text }) => (text === systemPrompt ? 10 : text.split(/\s+/).filter(Boolean).length));
  const sum = (from: number) => (sizes[0] ?? 0) + sizes.slice(from).reduce((all, size) => all + size, 0);
  let from = 1;
  while (sum(from) > 75 && from < messages.length - 1) from += 2;
  return { tokens: sum(1), omittedMessages: Array.from({ length: from - 1 }, (_, index) => index + 1) };
}
const question = (text: string, id = text): UserMessage => ({ id, role: "user", text, attachments: [] });
const words = (number: number) => "word ".repeat(number);
const turn = (id: string, asked: number, answered: number): Message[] => [
  question(words(asked), `question ${id}`),
  { id: `answer ${id}`, role: "assistant", text: words(answered), state: "done" },
];
const conversation = [...turn("1", 5, 10), ...turn("2", 5, 15)];
const measured = (tokens: number) => measurePrompt(conversation, question(words(tokens)), context, count);

test("counts system prompt, conversation and question", async () => {
  expect(await measured(5)).toEqual({ promptTokens: 50, contextTokens: 100 });
});

test("counts what the model will be given, and says what will be left out, and from where on it sees", async () => {
  expect(await measured(40)).toEqual({
    promptTokens: 70,
    contextTokens: 100,
    notice: "The conversation does not fit any more: its oldest question and answer will be left out.",
    seenFrom: "question 2",
  });
  expect(await measured(60)).toMatchObject({
    promptTokens: 70,
    notice: "The conversation does not fit any more: its oldest 2 questions and answers will be left out.",
    seenFrom: words(60),
  });
});

test("says when the answer has little room, and when it does not fit at all", async () => {
  const notice = async (tokens: number) => (await measured(tokens)).notice;
  expect(await notice(85)).toBe("This leaves 5 tokens for the answer. Shorten the question, or remove an attachment.");
  expect(await notice(1200)).toMatch(/^This question alone has 1,210 tokens, and the context 100\./);
});

test("of a server that is given all, says so when that is too much", async () => {
  const all = async (messages: ChatMessage[]) => ({ ...(await count(messages)), omittedMessages: [] });
  expect(await measurePrompt(conversation, question(words(60)), context, all)).toEqual({
    promptTokens: 105,
    contextTokens: 100,
    notice:
      "With the conversation before it, this question has 105 tokens, and the context 100. Begin a new chat, or use a larger context.",
  });
});
