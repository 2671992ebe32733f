/** `/v1/responses` as OpenAI's library asks it. Its stream is put together by that library, which refuses events out of order. */
import type OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { isLight, lightSchema, serveForTests } from "../support/served.js";
import { thinkingModel } from "../support/thinkingModel.js";

type Event = OpenAI.Responses.ResponseStreamEvent;
type Create = OpenAI.Responses.ResponseCreateParamsNonStreaming;

const served = serveForTests();

const create = (body: Create) => served.openai.responses.create({ model: served.model, ...body });

async function stream(body: Omit<Create, "stream">) {
  const told = served.openai.responses.stream({ model: served.model, ...body });
  const events: Event[] = [];
  for await (const event of told) events.push(event);
  return { events, types: events.map(({ type }) => type), response: await told.finalResponse() };
}

/** Without what is another one each time. */
const comparable = ({ output, usage, status }: OpenAI.Responses.Response) => ({
  status,
  output: output.map(({ id: _, ...item }) => ("call_id" in item ? { ...item, call_id: "" } : item)),
  tokens: [usage?.input_tokens, usage?.output_tokens],
});

const light: OpenAI.Responses.FunctionTool = {
  type: "function",
  name: "set_light",
  description: "Turns a light on or off",
  parameters: lightSchema,
  strict: true,
};

const callsOf = ({ output }: OpenAI.Responses.Response) => output.filter((item) => item.type === "function_call");

describe("text", () => {
  const body = { input: "def add(a, b):", max_output_tokens: 12 };

  test("an answer, which is the one of /v1/chat/completions", async () => {
    const response = await create({ ...body, instructions: "Be brief." });
    const chat = await served.openai.chat.completions.create({
      model: served.model,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: body.input },
      ],
      max_tokens: 12,
    });
    expect(response.output_text).toBe(chat.choices[0]?.message.content);
    expect(response).toMatchObject({
      object: "response",
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      store: false,
      previous_response_id: null,
      usage: {
        input_tokens: chat.usage?.prompt_tokens,
        output_tokens: 12,
        total_tokens: chat.usage?.total_tokens,
        output_tokens_details: { reasoning_tokens: 0 },
      },
    });
    // The last token is evaluated again for its logits.
    const again = await create({ ...body, instructions: "Be brief.", store: true });
    expect(again).toMatchObject({ store: false, output_text: response.output_text });
    expect(again.usage?.input_tokens_details.cached_tokens).toBe((again.usage?.input_tokens ?? 0) - 1);
  });

  test("streams the same answer, its events in their order", async () => {
    const whole = await create(body);
    const { events, types, response } = await stream(body);
    const last = events.at(-1);
    if (last?.type !== "response.incomplete") throw new Error(`it ends with ${last?.type}`);
    expect(comparable(last.response)).toEqual(comparable(whole));
    expect(response.output_text).toBe(whole.output_text);
    const deltas = events.filter((event) => event.type === "response.output_text.delta");
    expect(deltas.length).toBeGreaterThan(1);
    expect(deltas.map(({ delta }) => delta).join("")).toBe(whole.output_text);
    expect(types.filter((type) => type !== "response.output_text.delta")).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.incomplete",
    ]);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  });

  test("each event has its name before it, as some clients read only that", async () => {
    const answer = await served.post("/v1/responses", { ...body, stream: true });
    const named = (await answer.text()).trimEnd().split("\n\n");
    expect(named.length).toBeGreaterThan(8);
    for (const event of named) {
      const [name, data] = event.split("\n");
      const { type } = JSON.parse(data?.replace(/^data: /, "") ?? "") as Event;
      expect(name).toBe(`event: ${type}`);
    }
  });

  test("a conversation as items is the one that its messages are", async () => {
    const items = await create({
      input: [
        { role: "developer", content: "Be brief." },
        { type: "message", role: "user", content: [{ type: "input_text", text: "a" }] },
        {
          type: "message",
          id: "msg_1",
          status: "completed",
          role: "assistant",
          content: [{ type: "output_text", text: "b", annotations: [] }],
        },
        { type: "reasoning", id: "rs_1", summary: [] },
        { role: "user", content: "c" },
      ],
      max_output_tokens: 4,
    });
    const chat = await served.openai.chat.completions.create({
      model: served.model,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
        { role: "user", content: "c" },
      ],
      max_tokens: 4,
    });
    expect(items.output_text).toBe(chat.choices[0]?.message.content);
    expect(items.usage?.input_tokens).toBe(chat.usage?.prompt_tokens);
  });

  test("JSON of a schema, parsed by the client", async () => {
    const schema = {
      type: "object",
      properties: { language: { enum: ["C", "Rust"] }, short: { type: "boolean" } },
      required: ["language", "short"],
      additionalProperties: false,
    };
    const { response } = await stream({
      input: "Describe it.",
      text: { format: { type: "json_schema", name: "code", schema, strict: true } },
    });
    expect(response.status).toBe("completed");
    expect(JSON.parse(response.output_text)).toEqual({
      language: expect.stringMatching(/^(C|Rust)$/),
      short: expect.any(Boolean),
    });
  });
});

describe("tools", () => {
  test("a call is forced into the form of its schema; its result is understood", async () => {
    const input: OpenAI.Responses.ResponseInput = [{ role: "user", content: "Turn it on." }];
    const asked = { tools: [light], parallel_tool_calls: false };
    const { events, types, response } = await stream({
      input,
      ...asked,
      tool_choice: { type: "function", name: "set_light" },
    });
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.function_call_arguments.delta",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const [call, ...others] = callsOf(response);
    if (!call) throw new Error("nothing is called");
    expect(others).toEqual([]);
    expect(call).toMatchObject({ name: "set_light", status: "completed", call_id: expect.stringMatching(/^call_/) });
    isLight(JSON.parse(call.arguments));
    expect(events[2]).toMatchObject({ item: { id: call.id, call_id: call.call_id, arguments: "" } });
    const output = { type: "function_call_output" as const, call_id: call.call_id, output: "done" };
    const next = await create({ input: [...input, call, output], ...asked, tool_choice: "none", max_output_tokens: 4 });
    const chat = await served.openai.chat.completions.create({
      model: served.model,
      messages: [
        { role: "user", content: "Turn it on." },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "a", type: "function", function: { name: "set_light", arguments: call.arguments } }],
        },
        { role: "tool", tool_call_id: "a", content: "done" },
      ],
      max_tokens: 4,
    });
    expect(next.output_text).toBe(chat.choices[0]?.message.content);
    expect(next.usage?.input_tokens).toBe(chat.usage?.prompt_tokens);
  });

  test("a tool in a group is called by its own name", async () => {
    const group: OpenAI.Responses.NamespaceTool = {
      type: "namespace",
      name: "home",
      description: "Of the house",
      tools: [{ ...light, parameters: lightSchema }],
    };
    const grouped = await create({
      input: "On!",
      tools: [group],
      tool_choice: "required",
      parallel_tool_calls: false,
    });
    expect(callsOf(grouped)).toMatchObject([{ name: "set_light", namespace: "home" }]);
  });

  test("what OpenAI's servers would run is left out, and cannot be asked for", async () => {
    const tools: OpenAI.Responses.Tool[] = [{ type: "web_search" }, light];
    const without = await create({ input: "Hi", tools: [light], max_output_tokens: 1 });
    const response = await create({ input: "Hi", tools, max_output_tokens: 1 });
    expect(response.tools).toEqual(without.tools);
    expect(response.usage?.input_tokens).toBe(without.usage?.input_tokens);
    const asked = create({ input: "Hi", tools, tool_choice: { type: "web_search_preview" } });
    await expect(asked).rejects.toMatchObject({ status: 400, param: "tool_choice" });
  });
});

describe("thoughts", () => {
  const thinking = serveForTests(async () => thinkingModel());

  test("are items of their own, and counted", async () => {
    const told = thinking.openai.responses.stream({
      model: "any",
      input: "Write a function that adds numbers.",
      max_output_tokens: 20,
    });
    const types: string[] = [];
    for await (const { type } of told) if (type !== types.at(-1)) types.push(type);
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.reasoning_text.delta",
      "response.reasoning_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.incomplete",
    ]);
    const { output, usage } = await told.finalResponse();
    expect(output).toMatchObject([
      { type: "reasoning", content: [{ type: "reasoning_text", text: expect.stringMatching(/\S/) }] },
    ]);
    expect(usage?.output_tokens_details.reasoning_tokens).toBe(20);
  });

  test("are left out where no effort is asked for", async () => {
    const body = {
      model: "any",
      input: "Write a function that adds numbers.",
      max_output_tokens: 5,
      reasoning: { effort: "none" as const },
    };
    const { output, usage } = await thinking.openai.responses.create(body);
    expect(output.map(({ type }) => type)).toEqual(["message"]);
    expect(usage?.output_tokens_details.reasoning_tokens).toBe(0);
  });
});

describe("refusals", () => {
  const picture = { type: "input_image" as const, image_url: "data:image/png;base64,", detail: "auto" as const };

  test.each<[string, Create, RegExp, string | null]>([
    [
      "an earlier response",
      { input: "a", previous_response_id: "resp_1" },
      /keeps no responses/,
      "previous_response_not_found",
    ],
    ["a picture", { input: [{ role: "user", content: [picture] }] }, /input_image.*only text/, null],
    ["work in the background", { input: "a", background: true }, /background/, null],
    ["an item by its name", { input: [{ type: "item_reference", id: "msg_1" }] }, /keeps no items/, null],
    [
      "a result of no call",
      { input: [{ type: "function_call_output", call_id: "call_x", output: "" }] },
      /call_x/,
      null,
    ],
    ["no items", { input: [] }, /input/, null],
  ])("%s", async (_, body, message, code) => {
    const refused = { status: 400, code, message: expect.stringMatching(message) };
    await expect(create(body)).rejects.toMatchObject(refused);
    await expect(stream(body)).rejects.toMatchObject(refused);
  });

  test("a prompt that is longer than the context, unless it may be cut", async () => {
    const long = Array.from({ length: 40 }, (_, index) => ({
      role: index % 2 === 0 ? ("user" as const) : ("assistant" as const),
      content: "word ".repeat(20),
    }));
    const input = [...long, { role: "user" as const, content: "Hi" }];
    await expect(stream({ input })).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
    const cut = await create({ input, truncation: "auto", max_output_tokens: 1 });
    expect(cut.usage?.input_tokens).toBeLessThan(512);
  });
});
