/** Conversations as they grow: what is evaluated again, what is left out of a full context, and how answers end. */
import { beforeAll, describe, expect, test } from "vitest";
import { CancellationTokenSource } from "vscode-jsonrpc/node";
import type { Sidecar } from "../../protocol/client.js";
import {
  type ChatMessage,
  type ChatParams,
  chatRequest,
  completeRequest,
  countPromptTokensRequest,
  countTokensRequest,
  ErrorCode,
  statsRequest,
} from "../../protocol/messages.js";
import { load, sidecar } from "../support/sidecar.js";
import { plainTemplate, withTemplate } from "../support/tinyChat.js";
import { tinyModelOf } from "../support/tinyModel.js";

const contextTokens = 512;
/** To go on with an answer. */
const leastRoom = 16;

let model: string;
beforeAll(() => {
  model = withTemplate("tiny-chat", plainTemplate);
});

async function loaded(): Promise<Sidecar> {
  const started = await sidecar();
  await load(started, model, { contextTokens, threads: 1 });
  return started;
}

const chat = ({ connection }: Sidecar, messages: ChatMessage[], more: Partial<ChatParams> = {}) =>
  connection.sendRequest(chatRequest, { messages, maximumTokens: 8, ...more });
const system: ChatMessage = { role: "system", text: "You are a helpful assistant. Answer briefly." };
const user = (text: string): ChatMessage => ({ role: "user", text });
const assistant = (text: string): ChatMessage => ({ role: "assistant", text });

describe("the KV cache", () => {
  test("a second question evaluates its own tokens only", async () => {
    const started = await loaded();
    const first = [system, user("Name three colours of the rainbow, please.")];
    const { text, promptTokens, tokens, cachedPromptTokens } = await chat(started, first);
    expect(cachedPromptTokens).toBe(0);
    const second = await chat(started, [...first, assistant(text), user("And three more?")]);
    // All that was read and said; the last token that was said was not evaluated.
    expect(second.cachedPromptTokens).toBeGreaterThanOrEqual(promptTokens.length + tokens.length - 2);
    expect(second.promptTokens.length - second.cachedPromptTokens).toBeLessThan(30);
  });

  test("an answer made anew evaluates one token, and a changed question what is new in it", async () => {
    const started = await loaded();
    const first = [system, user("Name three colours of the rainbow, please.")];
    const { promptTokens, text } = await chat(started, first);
    const again = await chat(started, first);
    expect(again).toMatchObject({ text, cachedPromptTokens: promptTokens.length - 1 });
    const changed = await chat(started, [system, user("Name three colours of the sky, please.")]);
    expect(changed.cachedPromptTokens).toBeGreaterThan(promptTokens.length / 2);
    expect(changed.cachedPromptTokens).toBeLessThan(promptTokens.length - 1);
  });

  test("two conversations share what they begin with", async () => {
    const started = await loaded();
    await chat(started, [system, user("What is a lighthouse?")], { sessionId: "one" });
    const { tokens } = await started.connection.sendRequest(countPromptTokensRequest, { messages: [system, user("")] });
    const other = await chat(started, [system, user("Which planet is the largest?")], { sessionId: "two" });
    expect(other.cachedPromptTokens).toBeGreaterThan(tokens / 2);
  });
});

describe("a model whose state cannot be taken back", () => {
  let hybrid: string;
  beforeAll(async () => {
    hybrid = await tinyModelOf("nemotron_h_moe");
  });

  test("is kept as it was where a question begins, and where its answer does", async () => {
    const started = await sidecar();
    await load(started, hybrid, { contextTokens: 512, threads: 1 });
    const first = [system, user("a b c d")];
    const { promptTokens, tokens } = await chat(started, first);
    const again = await chat(started, first);
    expect(again).toMatchObject({ tokens, cachedPromptTokens: promptTokens.length - 1 });
    const { tokens: upToQuestion } = await started.connection.sendRequest(countPromptTokensRequest, {
      messages: [system, user("")],
    });
    const changed = await chat(started, [system, user("x y")]);
    // But for what the template says after the question.
    expect(changed.cachedPromptTokens).toBeGreaterThan(upToQuestion - 30);
    expect(changed.cachedPromptTokens).toBeLessThan(upToQuestion);
    const fresh = await sidecar();
    await load(fresh, hybrid, { contextTokens: 512, threads: 1 });
    expect((await chat(fresh, [system, user("x y")])).tokens).toEqual(changed.tokens);
  });
});

describe("a conversation that outgrows the context", () => {
  test("goes on without its oldest questions, and rarely evaluates all of it again", async () => {
    const started = await loaded();
    const messages: ChatMessage[] = [system];
    const evaluated: number[] = [];
    const omitted: number[][] = [];
    for (let question = 0; question < 50; question++) {
      messages.push(user(`What is ${question} + ${question}?`));
      const counted = await started.connection.sendRequest(countPromptTokensRequest, { messages });
      const result = await chat(started, messages);
      expect(counted.omittedMessages).toEqual(result.omittedMessages);
      expect(result.tokens.length).toBeGreaterThan(0);
      expect(result.promptTokens.length).toBeLessThan(contextTokens);
      evaluated.push(result.promptTokens.length - result.cachedPromptTokens);
      omitted.push(result.omittedMessages);
      messages.push(assistant(result.text));
    }
    const last = omitted.at(-1) ?? [];
    expect(last.length).toBeGreaterThan(20);
    // Whole questions with their answers, the oldest first; never the system prompt.
    expect(last).toEqual(Array.from({ length: last.length }, (_, index) => index + 1));
    expect(last.length % 2).toBe(0);
    const cuts = omitted.filter((places, index) => places.length !== (omitted[index - 1]?.length ?? 0)).length;
    expect(cuts).toBeGreaterThan(1);
    // Each makes room for some six more.
    expect(cuts).toBeLessThan(12);
    expect(evaluated.slice(1).filter((tokens) => tokens > 60).length).toBeLessThanOrEqual(cuts);
  });

  test("keeps what is attached to an old question", async () => {
    const started = await loaded();
    const attached = { ...user(`notes.txt:\n\n${"A line of notes. ".repeat(10)}\n\nWhat is this?`), keep: true };
    const old = Array.from({ length: 12 }, (_, index) => [user(`What is ${index} + 1?`), assistant("It is a number.")]);
    const { omittedMessages } = await chat(started, [
      system,
      attached,
      assistant("Notes."),
      ...old.flat(),
      user("Thanks!"),
    ]);
    expect(omittedMessages.length).toBeGreaterThan(0);
    expect(omittedMessages[0]).toBe(3);
  });

  test("a question that alone is too long is refused with the numbers", async () => {
    const started = await loaded();
    await expect(chat(started, [system, user("word ".repeat(600))])).rejects.toMatchObject({
      code: ErrorCode.InvalidArgument,
      message: expect.stringMatching(
        /^The question, with the system prompt, has \d+ tokens( or more)?, the context 512\. Shorten it or use a larger context\.$/,
      ),
    });
    expect((await chat(started, [system, user("Hello")])).tokens.length).toBeGreaterThan(0);
  });
});

describe("an answer", () => {
  test("that does not end by itself ends when the context is full", async () => {
    const started = await loaded();
    // With less room than a repetition needs to be noticed.
    const counted = Array.from({ length: 80 }, (_, index) => `${index}, `).join("");
    const begun = [user("Write a list of numbers."), assistant(`const numbers = [${counted}`)];
    const { finishReason, promptTokens, tokens } = await chat(started, begun, { maximumTokens: 100_000 });
    expect(finishReason).toBe("length");
    expect(promptTokens.length + tokens.length).toBe(contextTokens - 1);
  });

  test("that has filled the context goes on without older questions, and where there are none, says that the context is full", async () => {
    const started = await loaded();
    const counted = Array.from({ length: 80 }, (_, index) => `${index}, `).join("");
    const question = { ...user("notes.txt:\n\nA note.\n\nWrite a list of numbers."), keep: true };
    const ask = async (before: ChatMessage[], text: string) => {
      const result = await chat(started, [system, ...before, question, assistant(text)], { maximumTokens: 100_000 });
      expect(result.finishReason).toBe("length");
      return { ...result, text: text + result.text };
    };
    const before = [user("What is a list? ".repeat(4)), assistant("It has items.")];
    const alone = await ask([], `const numbers = [${counted}`);
    const { omittedMessages, tokens } = await ask(before, `const numbers = [${counted}`);
    expect(omittedMessages).toEqual([1, 2]);
    expect(tokens.length).toBeGreaterThan(leastRoom);
    const refused = chat(started, [system, ...before, question, assistant(alone.text)]);
    await expect(refused).rejects.toMatchObject({
      code: ErrorCode.InvalidArgument,
      message:
        "The context is full: this question, what is attached to it and the answer so far take all of its 512 tokens. To go on, use a larger context, or ask again with less attached.",
      data: { contextTokens },
    });
  });

  test("that says the same over and over is ended for that", async () => {
    const started = await loaded();
    const begun = [user("Write zeros."), assistant(`[${"0, ".repeat(20)}`)];
    const { finishReason, tokens } = await chat(started, begun, { maximumTokens: 100_000 });
    expect(finishReason).toBe("repetition");
    expect(new Set(tokens.slice(-100)).size).toBeLessThan(20);
  });

  test("is continued where it was stopped", async () => {
    const started = await loaded();
    const question = user("Write a function that adds numbers.");
    const begun = "export function add(numbers: number[]) {\n  let sum = 0;\n";
    const whole = await chat(started, [question, assistant(begun)], { maximumTokens: 16 });
    const half = await chat(started, [question, assistant(begun)], { maximumTokens: 4 });
    expect(half.finishReason).toBe("length");
    const rest = await chat(started, [question, assistant(begun + half.text)], { maximumTokens: 12 });
    expect(rest.text).not.toBe("");
    expect(half.text + rest.text).toBe(whole.text);
    expect(rest.promptTokens.length - rest.cachedPromptTokens).toBeLessThan(4);
  });
});

describe("a long paste", () => {
  /** In characters: the longest that is taken, read in seconds if it were. */
  const long = 2 ** 24;

  test("is refused at once, within the memory there was", async () => {
    const started = await loaded();
    const { connection } = started;
    const before = await connection.sendRequest(statsRequest);
    const refusal = {
      code: ErrorCode.InvalidArgument,
      message: expect.stringMatching(/has [\d,]+ tokens or more, the context 512/),
    };
    const prefix = "let a = 1;\n".repeat(long / 11);
    await expect(connection.sendRequest(completeRequest, { prefix })).rejects.toMatchObject(refusal);
    await expect(chat(started, [user(prefix)])).rejects.toMatchObject(refusal);
    const after = await connection.sendRequest(statsRequest);
    // The message itself, as bytes and as text, and what is not collected yet of the first.
    expect(after.memory.peakBytes - before.memory.peakBytes).toBeLessThan(8 * long);
  });

  test("of a length that might fit is counted while other requests are answered, and can be cancelled", async () => {
    const started = await loaded();
    const { connection } = started;
    const text = "a b\n".repeat(long / 8);
    const cancellation = new CancellationTokenSource();
    const order: string[] = [];
    const counted = connection.sendRequest(countTokensRequest, { text }, cancellation.token);
    const ended = counted.catch(() => order.push("counted"));
    for (const name of ["stats", "stats again"]) {
      await connection.sendRequest(statsRequest);
      order.push(name);
    }
    cancellation.cancel();
    await expect(counted).rejects.toThrow();
    await ended;
    expect(order).toEqual(["stats", "stats again", "counted"]);
    expect((await chat(started, [user("Hello")])).tokens.length).toBeGreaterThan(0);
  });
});
