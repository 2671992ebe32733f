/** `/v1/chat/completions` as its clients see it: OpenAI's own libraries. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { inCheckout } from "../support/flint.js";
import { pythonPackage } from "../support/pythonPackage.js";
import { ask, isLight, lightSchema, serveForTests } from "../support/served.js";

const served = serveForTests();

/** All of a stream, put together as clients do it. */
async function collect(stream: AsyncIterable<OpenAI.ChatCompletionChunk>) {
  let content = "";
  let finish: string | null = null;
  let usage: OpenAI.CompletionUsage | null | undefined;
  const calls: OpenAI.ChatCompletionMessageFunctionToolCall[] = [];
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    for (const { delta, finish_reason } of chunk.choices) {
      content += delta.content ?? "";
      finish = finish_reason ?? finish;
      for (const { index, id, function: called } of delta.tool_calls ?? []) {
        calls[index] = {
          id: id ?? "",
          type: "function",
          function: { name: called?.name ?? "", arguments: called?.arguments ?? "" },
        };
      }
    }
  }
  return { content, finish, usage, calls };
}

describe("chat", () => {
  test("answers, and streams the same answer", async () => {
    const body = { model: served.model, messages: ask("def add(a, b):"), max_tokens: 12 };
    const whole = await served.openai.chat.completions.create(body);
    expect(whole.object).toBe("chat.completion");
    expect(whole.choices[0]?.finish_reason).toBe("length");
    expect(whole.usage?.completion_tokens).toBe(12);
    const stream = await served.openai.chat.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    });
    const { content, finish, usage } = await collect(stream);
    expect(content).toBe(whole.choices[0]?.message.content);
    expect(finish).toBe("length");
    expect(usage?.prompt_tokens).toBe(whole.usage?.prompt_tokens);
    // The last token is evaluated again for its logits.
    expect(usage?.prompt_tokens_details?.cached_tokens).toBe((usage?.prompt_tokens ?? 0) - 1);
  });

  test("ends at a stop text, which is not told", async () => {
    const body = { model: served.model, messages: ask("def add(a, b):"), max_tokens: 40 };
    const content = (await served.openai.chat.completions.create(body)).choices[0]?.message.content ?? "";
    const stop = content.slice(8, 11);
    const stopped = await served.openai.chat.completions.create({ ...body, stop: [stop] });
    expect(stopped.choices[0]?.message.content).toBe(content.slice(0, content.indexOf(stop)));
    expect(stopped.choices[0]?.finish_reason).toBe("stop");
  });

  test("the same seed gives the same answer, another one another", async () => {
    const say = async (seed: number) => {
      const body = { model: served.model, messages: ask("import"), max_tokens: 24, temperature: 1.5, seed };
      return (await served.openai.chat.completions.create(body)).choices[0]?.message.content;
    };
    expect(await say(7)).toBe(await say(7));
    expect(await say(8)).not.toBe(await say(7));
  });

  test("is JSON of a schema where one is asked for", async () => {
    const schema = {
      type: "object",
      properties: {
        language: { enum: ["C", "Rust"] },
        lines: { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 2 },
        owner: { anyOf: [{ $ref: "#/$defs/owner" }, { type: "null" }] },
      },
      required: ["language", "lines", "owner"],
      additionalProperties: false,
      $defs: { owner: { type: "object", properties: { id: { const: 7 } }, required: ["id"] } },
    };
    const answer = await served.openai.chat.completions.create({
      model: served.model,
      messages: ask("Describe it."),
      response_format: { type: "json_schema", json_schema: { name: "code", schema, strict: true } },
    });
    const json: unknown = JSON.parse(answer.choices[0]?.message.content ?? "");
    expect(json).toEqual({
      language: expect.stringMatching(/^(C|Rust)$/),
      lines: [expect.any(Boolean), expect.any(Boolean)],
      owner: json !== null && typeof json === "object" && "owner" in json && json.owner === null ? null : { id: 7 },
    });
  });
});

const python = await pythonPackage("openai==3.57.0", "openai-3.57.0", "openai");

test("OpenAI's package for Python is answered as the one for JavaScript is", async ({ skip }) => {
  skip(python.missing !== undefined, python.missing);
  const script = inCheckout("test/support/openai_client.py");
  const { stdout } = await promisify(execFile)(python.python, [script, `${served.server.url}/v1`], {
    env: { ...process.env, NO_PROXY: "127.0.0.1" },
  });
  const told = JSON.parse(stdout) as { whole: string };
  const light = { room: expect.stringMatching(/^(kitchen|hall)$/), on: expect.any(Boolean) };
  expect(told).toEqual({
    whole: expect.stringMatching(/./),
    streamed: told.whole,
    tokens: 12,
    call: ["set_light", light],
    formed: light,
    responses: ["response.created", "response.incomplete", told.whole, 12],
    refused: "context_length_exceeded",
  });
});

describe("tools", () => {
  const tools: OpenAI.ChatCompletionFunctionTool[] = [
    {
      type: "function",
      function: { name: "set_light", description: "Turns a light on or off", parameters: lightSchema },
    },
    { type: "function", function: { name: "list_rooms" } },
  ];

  test("a call that is required has the form of its schema", async () => {
    const answer = await served.openai.chat.completions.create({
      model: served.model,
      messages: ask("Turn it on."),
      tools,
      tool_choice: { type: "function", function: { name: "set_light" } },
      parallel_tool_calls: false,
    });
    const [choice] = answer.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.tool_calls).toHaveLength(1);
    const [call] = choice?.message.tool_calls ?? [];
    if (call?.type !== "function") throw new Error("no function is called");
    expect(call.function.name).toBe("set_light");
    isLight(JSON.parse(call.function.arguments));
    expect(answer.usage?.completion_tokens).toBeGreaterThan(5);
  });

  test("streamed calls are complete, and their results are understood", async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = ask("Which rooms are there?");
    const stream = await served.openai.chat.completions.create({
      model: served.model,
      messages,
      tools,
      tool_choice: "required",
      parallel_tool_calls: false,
      stream: true,
    });
    const { calls, finish } = await collect(stream);
    expect(finish).toBe("tool_calls");
    const [call] = calls;
    if (!call) throw new Error("nothing is called");
    expect(tools.map((tool) => tool.function.name)).toContain(call.function.name);
    expect(() => JSON.parse(call.function.arguments)).not.toThrow();
    const answer = await served.openai.chat.completions.create({
      model: served.model,
      messages: [
        ...messages,
        { role: "assistant", content: null, tool_calls: calls },
        { role: "tool", tool_call_id: call.id, content: "kitchen\nhall" },
      ],
      tools,
      max_tokens: 4,
    });
    expect(answer.choices[0]?.finish_reason).toMatch(/length|stop|tool_calls/);
  });

  test("a call that says the same over and over ends the answer, and is none", async () => {
    const parameters = { type: "object", properties: { text: { type: "string", minLength: 500 } }, required: ["text"] };
    const answer = await served.openai.chat.completions.create({
      model: served.model,
      messages: ask("def add(a, b):"),
      tools: [{ type: "function", function: { name: "note", parameters } }],
      tool_choice: "required",
    });
    const [choice] = answer.choices;
    expect(choice?.finish_reason).toBe("stop");
    expect(choice?.message.tool_calls).toBeUndefined();
    expect(answer.usage?.completion_tokens).toBeGreaterThan(20);
  });

  test("none are called where that is not allowed", async () => {
    const answer = await served.openai.chat.completions.create({
      model: served.model,
      messages: ask("Hi"),
      tools,
      tool_choice: "none",
      max_tokens: 8,
    });
    expect(answer.choices[0]?.message.tool_calls).toBeUndefined();
  });

  test("a result of no call is refused", async () => {
    const refused = served.openai.chat.completions.create({
      model: served.model,
      messages: [...ask("Hi"), { role: "tool", tool_call_id: "call_x", content: "" }],
    });
    await expect(refused).rejects.toMatchObject({ status: 400, message: expect.stringContaining("call_x") });
  });
});
