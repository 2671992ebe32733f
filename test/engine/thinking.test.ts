/** Models that think before they answer, played by a tiny one. */
import { expect, test } from "vitest";
import { answerNowRequest, type ChatParams, chatRequest, type LoadResult } from "../../protocol/messages.js";
import { load, sidecar, watch } from "../support/sidecar.js";
import { thinkingModel } from "../support/thinkingModel.js";

async function loaded() {
  const started = await sidecar();
  const result: LoadResult = await load(started, thinkingModel(), { contextTokens: 512, threads: 1 });
  const chat = (params: Partial<ChatParams> = {}) =>
    watch(started, (progressToken, token) => {
      const messages = [{ role: "user" as const, text: "Write a function that adds numbers." }];
      const request = { messages, sessionId: "a chat", progressToken, maximumTokens: 40, ...params };
      return started.connection.sendRequest(chatRequest, request, token);
    });
  return { ...started, result, chat };
}

test("a thought is told apart from the answer, with its tokens and its time", async () => {
  const { result, chat } = await loaded();
  expect(result).toMatchObject({ chatTemplate: "model", thinking: "optional" });
  const watched = chat();
  const { text, thought, tokens, finishReason } = await watched.result;
  expect(finishReason).toBe("length");
  expect(text).toBe("");
  expect(thought?.tokens).toBe(tokens.length);
  expect(thought?.text).not.toBe("");
  expect(thought?.durationMs).toBeGreaterThan(0);
  const told = watched.progress.filter((each) => each.kind === "thought");
  expect(
    told
      .map((each) => each.text)
      .join("")
      .trim(),
  ).toBe(thought?.text);
  expect(told.at(-1)?.tokens).toBe(thought?.tokens);
});

test("a thought is ended early, and the answer begins", async () => {
  const { connection, chat } = await loaded();
  const watched = chat({ maximumTokens: 120 });
  await watched.told(({ kind }) => kind === "thought");
  expect(await connection.sendRequest(answerNowRequest, { sessionId: "another chat" })).toBe(false);
  expect(await connection.sendRequest(answerNowRequest, { sessionId: "a chat" })).toBe(true);
  const { text, thought, tokens } = await watched.result;
  expect(thought).toMatchObject({ endedEarly: true });
  expect(thought?.tokens).toBeLessThan(tokens.length);
  expect(text).not.toBe("");
  expect(watched.text()).toBe(text);
  expect(await connection.sendRequest(answerNowRequest, { sessionId: "a chat" })).toBe(false);
});

test("how likely its tokens were is told of an answer, and not of a thought before it", async () => {
  const { connection, chat } = await loaded();
  const watched = chat({ maximumTokens: 120, logprobs: 1 });
  await watched.told(({ kind }) => kind === "thought");
  expect(await connection.sendRequest(answerNowRequest, { sessionId: "a chat" })).toBe(true);
  const { text, thought, logprobs = [] } = await watched.result;
  expect(thought?.text).not.toBe("");
  expect(text).not.toBe("");
  expect(
    logprobs
      .map((each) => each.text)
      .join("")
      .trim(),
  ).toBe(text.trim());
});

test("a chat may want no thought, and what was thought is not read again", async () => {
  const { connection, chat } = await loaded();
  const { text, thought, promptTokens } = await chat({ thinking: false }).result;
  expect(thought).toBeUndefined();
  expect(text).not.toBe("");
  expect(promptTokens.filter((token) => token === 6)).toHaveLength(1);
  const messages = [
    { role: "user" as const, text: "Write a function that adds numbers." },
    { role: "assistant" as const, text },
    { role: "user" as const, text: "And one that subtracts." },
  ];
  const next = await connection.sendRequest(chatRequest, { messages, maximumTokens: 2 });
  expect(next.promptTokens.filter((token) => token === 5).length).toBeLessThanOrEqual(2);
});

test("an answer that goes on is not thought about again", async () => {
  const { chat } = await loaded();
  const messages = [
    { role: "user" as const, text: "Write a function that adds numbers." },
    { role: "assistant" as const, text: "export function add(numbers: number[]) {\n  let sum" },
  ];
  const { text, thought } = await chat({ messages }).result;
  expect(thought).toBeUndefined();
  expect(text).not.toBe("");
});
