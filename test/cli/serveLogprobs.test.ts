/** How likely tokens were, as `/v1/chat/completions` and `/v1/completions` tell it. */
import type OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { ask, lightSchema, serveForTests } from "../support/served.js";

const served = serveForTests();

type Entry = OpenAI.ChatCompletionTokenLogprob;
const text = (entries: readonly Entry[]) => Buffer.from(entries.flatMap(({ bytes }) => bytes ?? [])).toString();
const total = (likely: readonly { logprob: number }[]) =>
  likely.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);

async function chat(body: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>) {
  const answer = await served.openai.chat.completions.create({
    model: served.model,
    messages: ask("def add(a, b):"),
    max_tokens: 12,
    ...body,
  });
  const [choice] = answer.choices;
  if (!choice) throw new Error("no answer");
  return { content: choice.message.content ?? "", entries: choice.logprobs?.content ?? [], choice };
}

/** Each token was the likeliest, and no more is shared out than all. */
function expectGreedy(entries: readonly Entry[], top: number): void {
  for (const { token, logprob, top_logprobs: likely } of entries) {
    expect(logprob).toBeLessThanOrEqual(0);
    expect(likely).toHaveLength(top);
    expect(likely[0]).toMatchObject({ token, logprob });
    expect(likely.map((each) => each.logprob)).toEqual(likely.map((each) => each.logprob).sort((a, b) => b - a));
    expect(total(likely)).toBeLessThanOrEqual(1.0001);
  }
}

describe("chat", () => {
  test("tells them of each token, and the answer is the same", async () => {
    const plain = await chat({});
    expect(plain.choice.logprobs).toBeNull();
    const { content, entries } = await chat({ logprobs: true, top_logprobs: 3 });
    expect(content).toBe(plain.content);
    // A blank at the start is not told.
    expect(text(entries).trimStart()).toBe(content.trimStart());
    expect(entries.map(({ token }) => token).join("")).toBe(text(entries));
    expectGreedy(entries, 3);
    // What the model knows is not all alike.
    expect(new Set(entries.map(({ logprob }) => logprob)).size).toBeGreaterThan(1);
    const few = await chat({ logprobs: true });
    for (const [index, { logprob }] of few.entries.entries())
      expect(logprob).toBeCloseTo(entries[index]?.logprob ?? 1, 4);
    expect(few.entries).toHaveLength(entries.length);
    expect(few.entries.every((entry) => entry.top_logprobs.length === 0)).toBe(true);
  });

  test("streams the same, each with its text", async () => {
    const whole = await chat({ logprobs: true, top_logprobs: 2 });
    const stream = await served.openai.chat.completions.create({
      model: served.model,
      messages: ask("def add(a, b):"),
      max_tokens: 12,
      logprobs: true,
      top_logprobs: 2,
      stream: true,
    });
    const entries: Entry[] = [];
    for await (const { choices } of stream) {
      const told = choices[0]?.logprobs?.content ?? [];
      expect(text(told).trim()).toBe((choices[0]?.delta.content ?? "").trim());
      entries.push(...told);
    }
    expect(entries).toEqual(whole.entries);
  });

  test("of tokens that are drawn by chance, with the same seed the same answer", async () => {
    const body = { temperature: 1.5, seed: 7 };
    const plain = await chat(body);
    const { content, entries } = await chat({ ...body, logprobs: true, top_logprobs: 20 });
    expect(content).toBe(plain.content);
    expect(text(entries)).toBe(content);
    for (const { token, logprob, top_logprobs: likely } of entries) {
      const own = likely.find((each) => each.token === token);
      if (own) expect(own.logprob).toBeCloseTo(logprob, 4);
      expect(total(likely)).toBeLessThanOrEqual(1.0001);
    }
    expect(entries.some(({ token, top_logprobs: likely }) => likely[0]?.token !== token)).toBe(true);
  });

  test("of JSON only what the schema allows is likely", async () => {
    const schema = { type: "object", properties: { on: { type: "boolean" } }, required: ["on"] };
    const body = { response_format: { type: "json_schema", json_schema: { name: "on", schema } } } as const;
    const plain = await chat({ ...body, max_tokens: 40 });
    const own = await chat({ ...body, max_tokens: 40, logprobs: true });
    expect(own.content).toBe(plain.content);
    expect(text(own.entries)).toBe(plain.content);
    const drawn = { ...body, max_tokens: 40, temperature: 1, seed: 1, logprobs: true, top_logprobs: 4 };
    const { content, entries } = await chat(drawn);
    expect(JSON.parse(content)).toEqual({ on: expect.any(Boolean) });
    // The last token may have a blank after the end.
    expect(text(entries).trimEnd()).toBe(content);
    const likely = entries.flatMap((entry) => entry.top_logprobs.map(({ token }) => token.replaceAll(/\s/g, "")));
    expect(likely.length).toBeGreaterThan(entries.length);
    expect(likely.filter((token) => !['{"on":true}', '{"on":false}'].some((json) => json.includes(token)))).toEqual([]);
  });

  test("a call of a tool has the same arguments, and none of them", async () => {
    const tools: OpenAI.ChatCompletionTool[] = [
      { type: "function", function: { name: "set_light", parameters: lightSchema } },
    ];
    const body = { tools, tool_choice: "required", parallel_tool_calls: false, max_tokens: 200 } as const;
    const plain = await chat(body);
    const { choice } = await chat({ ...body, logprobs: true, top_logprobs: 2 });
    const called = ({ choice: { message } }: Pick<typeof plain, "choice">) =>
      message.tool_calls?.map((call) => call.type === "function" && call.function);
    expect(called({ choice })).toEqual(called(plain));
    expect(choice.logprobs).toEqual({ content: [], refusal: null });
  });

  test("what is out of bounds is refused", async () => {
    for (const body of [{ top_logprobs: 2 }, { logprobs: true, top_logprobs: 21 }]) {
      await expect(chat(body)).rejects.toMatchObject({ status: 400, param: "top_logprobs" });
    }
    // A whole vocabulary for each token would not be within the cap.
    const likeliest = { logprobs: true, top_logprobs: 2 };
    await expect(chat({ ...likeliest, response_format: { type: "json_object" } })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining("Ask for logprobs alone"),
    });
    const all = await served.post("/v1/chat/completions", {
      ...{ messages: ask("Hi"), ...likeliest, temperature: 1, top_k: 0 },
    });
    expect(all.status).toBe(400);
  });
});

describe("completions", () => {
  const prompt = "def add(a, b):\n    return";
  const complete = async (body: Partial<OpenAI.CompletionCreateParamsNonStreaming>) => {
    const { choices } = await served.openai.completions.create({ model: served.model, prompt, max_tokens: 8, ...body });
    return choices[0];
  };

  test("tell them in their own form, also streamed", async () => {
    const plain = await complete({});
    const told = await complete({ logprobs: 2 });
    expect(told?.text).toBe(plain?.text);
    const {
      tokens = [],
      token_logprobs: own = [],
      top_logprobs: top = [],
      text_offset: offsets = [],
    } = told?.logprobs ?? {};
    expect(tokens.join("")).toBe(plain?.text);
    expect(own.every((each, index) => each <= 0 && each === top?.[index]?.[tokens[index] ?? ""])).toBe(true);
    expect(top?.map((each) => Object.keys(each).length)).toEqual(tokens.map(() => 2));
    expect(offsets).toEqual(tokens.map((_, index) => tokens.slice(0, index).join("").length));
    const streamed: OpenAI.CompletionChoice.Logprobs[] = [];
    const body = { model: served.model, prompt, max_tokens: 8, logprobs: 2, stream: true } as const;
    for await (const { choices } of await served.openai.completions.create(body)) {
      const logprobs = choices[0]?.logprobs;
      if (logprobs) streamed.push(logprobs);
    }
    expect(streamed.flatMap((each) => each.token_logprobs ?? [])).toEqual(own);
    expect(streamed.flatMap((each) => each.text_offset ?? [])).toEqual(offsets);
    const few = await complete({ logprobs: 0 });
    expect(few?.logprobs).toMatchObject({ tokens, top_logprobs: null });
  });

  test("a text that ends the answer has none", async () => {
    const whole = await complete({});
    const stop = whole?.text.slice(4, 7) ?? "";
    const stopped = await complete({ logprobs: 0, stop });
    expect(stopped?.text).toBe(whole?.text.slice(0, whole.text.indexOf(stop)));
    const tokens = stopped?.logprobs?.tokens ?? [];
    expect(tokens.join("").startsWith(stopped?.text ?? "none")).toBe(true);
    // The last one may have the beginning of the stop text in it.
    expect(tokens.slice(0, -1).join("").length).toBeLessThan(stopped?.text.length ?? 0);
  });

  test("those of a prompt are refused", async () => {
    await expect(complete({ logprobs: 1, echo: true })).rejects.toMatchObject({ status: 400, param: "logprobs" });
  });
});
