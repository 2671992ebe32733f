/** `/v1/completions`, and llama-server's own routes as llama.vscode and llama.vim ask them. */
import { describe, expect, test } from "vitest";
import { ask, serveForTests } from "../support/served.js";

const served = serveForTests();

describe("completions", () => {
  test("continue text and tokens alike, also streamed", async () => {
    const prompt = "def add(a, b):\n    return";
    const text = await served.openai.completions.create({ model: served.model, prompt, max_tokens: 8 });
    const tokenized = await served.post("/tokenize", { content: prompt, add_special: true });
    const { tokens } = (await tokenized.json()) as { tokens: number[] };
    expect(text.usage?.prompt_tokens).toBe(tokens.length);
    const both = await served.openai.completions.create({ model: served.model, prompt: tokens, max_tokens: 8 });
    expect(both.choices[0]?.text).toBe(text.choices[0]?.text);
    let streamed = "";
    for await (const { choices } of await served.openai.completions.create({
      model: served.model,
      prompt,
      max_tokens: 8,
      stream: true,
    })) {
      streamed += choices[0]?.text ?? "";
    }
    expect(streamed).toBe(text.choices[0]?.text);
    const several = await served.openai.completions.create({
      model: served.model,
      prompt: [prompt, prompt],
      max_tokens: 8,
    });
    expect(several.choices.map((choice) => choice.text)).toEqual([text.choices[0]?.text, text.choices[0]?.text]);
  });

  test("what may be the beginning of a stop text is told at the end, where none has come", async () => {
    const body = { model: served.model, prompt: "def add(a, b):\n    return", max_tokens: 8 };
    const { choices } = await served.openai.completions.create(body);
    const text = choices[0]?.text ?? "";
    let streamed = "";
    const stop = `${text.slice(-3)}\u00a7`;
    for await (const piece of await served.openai.completions.create({ ...body, stop, stream: true })) {
      streamed += piece.choices[0]?.text ?? "";
    }
    expect(streamed).toBe(text);
  });

  test("fill in the middle with a suffix, as the model's own tokens do", async () => {
    const filled = await served.openai.completions.create({
      model: served.model,
      prompt: "def f(",
      suffix: "):\n",
      max_tokens: 6,
    });
    const raw = "<|fim_prefix|>def f(<|fim_suffix|>):\n<|fim_middle|>";
    const own = await served.openai.completions.create({ model: served.model, prompt: raw, max_tokens: 6 });
    expect(own.usage?.prompt_tokens).toBe(filled.usage?.prompt_tokens);
    expect(own.choices[0]?.text).toBe(filled.choices[0]?.text);
  });
});

describe("llama-server's own routes", () => {
  test("/infill answers what llama.vscode sends, with the fields that it asks for", async () => {
    const answer = await served.post("/infill", {
      input_prefix: "def add(a, b):\n",
      input_suffix: "\n\nprint(add(1, 2))\n",
      input_extra: [{ filename: "other.py", text: "def sub(a, b):\n    return a - b\n" }],
      prompt: "    return ",
      n_predict: 8,
      top_k: 40,
      top_p: 0.99,
      stream: false,
      samplers: ["top_k", "top_p", "infill"],
      cache_prompt: true,
      t_max_prompt_ms: 500,
      t_max_predict_ms: 60_000,
      response_fields: ["content", "timings/prompt_n", "timings/predicted_n", "generation_settings/n_ctx", "truncated"],
    });
    expect(await answer.json()).toEqual({
      content: expect.any(String),
      "timings/prompt_n": expect.any(Number),
      "timings/predicted_n": expect.any(Number),
      "generation_settings/n_ctx": 512,
      truncated: false,
    });
  });

  test("other files come before the text, as far as there is room", async () => {
    const askWith = async (extra: { filename: string; text: string }[]) => {
      const answer = await served.post("/infill", {
        input_prefix: "a",
        input_suffix: "b",
        n_predict: 1,
        input_extra: extra,
      });
      return ((await answer.json()) as { tokens_evaluated: number }).tokens_evaluated;
    };
    const without = await askWith([]);
    const withOne = await askWith([{ filename: "one", text: "x" }]);
    expect(withOne).toBeGreaterThan(without);
    expect(await askWith([{ filename: "big", text: "word ".repeat(1000) }])).toBe(without);
    expect(
      await askWith([
        { filename: "big", text: "word ".repeat(1000) },
        { filename: "one", text: "x" },
      ]),
    ).toBe(withOne);
  });

  test("a request that only warms the cache gets no text", async () => {
    const answer = await served.post("/infill", { input_prefix: "a", input_suffix: "b", n_predict: 0 });
    expect(await answer.json()).toMatchObject({ content: "", tokens_predicted: 0 });
  });

  test("the beginning of an answer comes whole: the time of reading does not count, and no line is cut off", async () => {
    const text = { input_prefix: "def add(a, b):\n", input_suffix: "\n\nprint(add(1, 2))\n", prompt: "    return " };
    const body = { ...text, n_predict: 24, stop: ["\n"], samplers: ["top_k", "infill"], cache_prompt: true };
    const answer = await served.post("/infill", body);
    const { content } = (await answer.json()) as { content: string };
    expect(content).not.toBe("");
    const hurried = await served.post("/infill", { ...body, t_max_predict_ms: 1 });
    expect(await hurried.json()).toMatchObject({ content });
  });

  test("what llama.vim sends ahead, in a hurry and without text, is read", async () => {
    const extra = [{ filename: "ahead.py", text: "def ahead(value):\n    return value + 1\n", time: [1, 2] }];
    const ahead = { input_extra: extra, input_prefix: "", input_suffix: "", prompt: "", n_predict: 0, samplers: [] };
    const hurry = { t_max_prompt_ms: 1, t_max_predict_ms: 1, cache_prompt: true, response_fields: [""], stream: false };
    const answer = await served.post("/infill", { ...ahead, ...hurry });
    expect(await answer.json()).toEqual({});
    const next = await served.post("/infill", { ...ahead, input_prefix: "x = ", n_predict: 1 });
    const { timings } = (await next.json()) as { timings: { cache_n: number } };
    expect(timings.cache_n).toBeGreaterThan(10);
  });

  test.each(["/v1/embeddings", "/embeddings", "/embedding"])("%s says what to use instead", async (path) => {
    const answer = await served.post(path, { input: "a", content: "a" });
    expect(answer.status).toBe(501);
    expect(await answer.json()).toMatchObject({
      error: { message: expect.stringContaining("llama-server with --embeddings"), code: "not_supported" },
    });
  });

  test.each(["/slots", "/v1/responses/resp_1", "/v1/rerank"])("%s is refused", async (path) => {
    const answer = await served.post(path, { input: "a" });
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      error: { message: expect.stringMatching(/^This server has no (?!POST)/), code: "unknown_url" },
    });
  });

  test("/completion streams in its own form", async () => {
    const answer = await served.post("/completion", { prompt: "def", n_predict: 4, stream: true });
    const events = (await answer.text()).split("\n\n").filter(Boolean);
    const pieces = events.map(
      (event) => JSON.parse(event.replace(/^data: /, "")) as { content: string; stop: boolean },
    );
    expect(pieces.at(-1)).toMatchObject({ stop: true, tokens_predicted: 4, content: "" });
    const whole = await served.post("/completion", { prompt: "def", n_predict: 4 });
    expect(pieces.map(({ content }) => content).join("")).toBe(((await whole.json()) as { content: string }).content);
  });

  test("tokens come back as the text", async () => {
    const content = "for i in range(3):\n\tprint('ä')";
    const tokenized = await served.post("/tokenize", { content, with_pieces: true });
    const { tokens } = (await tokenized.json()) as { tokens: { id: number; piece: string }[] };
    const back = await served.post("/detokenize", { tokens: tokens.map(({ id }) => id) });
    expect(await back.json()).toEqual({ content });
    const foreign = await served.post("/detokenize", { tokens: [1_000_000] });
    expect(foreign.status).toBe(400);
  });

  test("/apply-template tells what the model is given in a chat, which /completion goes on with", async () => {
    const messages = [{ role: "system", content: "Be brief." }, ...ask("def add(a, b):")];
    const conversation = { messages, tools: [{ type: "function", function: { name: "list_rooms" } }] };
    const told = await served.post("/apply-template", conversation);
    const { prompt } = (await told.json()) as { prompt: string };
    expect(prompt).toMatch(/^<\|im_start\|>system\nBe brief\..*"list_rooms".*<\|im_start\|>assistant\n$/s);
    const plain = await served.post("/apply-template", { messages });
    const { prompt: plainPrompt } = (await plain.json()) as { prompt: string };
    expect(plainPrompt).not.toContain("list_rooms");
    const own = await served.post("/completion", { prompt: plainPrompt, n_predict: 4 });
    const chat = await served.post("/v1/chat/completions", { messages, max_tokens: 4 });
    const { usage } = (await chat.json()) as { usage: { prompt_tokens: number } };
    expect(await own.json()).toMatchObject({ tokens_evaluated: usage.prompt_tokens });
    const refused = await served.post("/apply-template", { messages: [] });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { param: "messages" } });
  });

  test("/props and /v1/models tell limits and abilities", async () => {
    const props = await (await fetch(`${served.server.url}/props`)).json();
    expect(props).toMatchObject({
      default_generation_settings: { n_ctx: 512 },
      supports_infill: true,
      chat_template_caps: { supports_tools: true },
    });
    const models = await served.openai.models.list();
    expect(models.data).toMatchObject([{ id: served.model, object: "model", meta: { n_ctx: 512 } }]);
    expect(await served.openai.models.retrieve(served.model)).toMatchObject({ id: served.model });
  });
});
