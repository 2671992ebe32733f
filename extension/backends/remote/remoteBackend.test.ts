import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { CancellationTokenSource } from "vscode-jsonrpc";
import { Cancelled } from "../../engine/errors.js";
import { ignore } from "../../fakeEngine.js";
import { withResolvers } from "../../fixtures.js";
import { RemoteClient } from "./client.js";
import { RemoteBackend } from "./remoteBackend.js";
import { parseBackends } from "./settings.js";

interface Asked {
  path: string;
  body: Record<string, unknown>;
  headers: IncomingMessage["headers"];
}
type Answer = (asked: Asked, response: ServerResponse) => void;

const json =
  (value: unknown, status = 200): Answer =>
  (_, response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));

/** A server with these routes, and a backend that asks it. */
async function setUp(
  routes: Record<string, Answer>,
  options: { model?: string; key?: string; silenceMs?: number } = {},
) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const path = (request.url ?? "").replace(/\?.*/, "");
    const one = { path, body: text === "" ? {} : JSON.parse(text), headers: request.headers };
    asked.push(one);
    (routes[path] ?? json({ error: { message: "no such route" } }, 404))(one, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  const [settings] = parseBackends([{ name: "box", url: `http://127.0.0.1:${port}/v1/` }]);
  if (!settings) throw new Error("no settings");
  const busy: boolean[] = [];
  const backend = new RemoteBackend({
    client: async () => new RemoteClient(settings, options.key),
    model: options.model ?? "qwen",
    onBusy: (is) => busy.push(is),
    ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
  });
  return { backend, asked, busy, host: settings.host, close };
}

const models = json({ object: "list", data: [{ id: "qwen", object: "model", max_model_len: 32_768 }] });
const chunk = (delta: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const stream =
  (...events: string[]): Answer =>
  (_, response) =>
    void response.writeHead(200, { "content-type": "text/event-stream" }).end(events.join(""));
const question = { messages: [{ role: "user" as const, text: "Hi" }] };

/** What an answer is refused with. */
const failure = (backend: RemoteBackend) =>
  backend.chat(question, { onText: ignore }).then(
    () => "it answered",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

test("streams an answer, with the key", async () => {
  const answer = stream(
    chunk({ role: "assistant", content: "" }),
    chunk({ content: "Hel" }),
    chunk({ content: "lo" }, "stop"),
    "data: [DONE]\n\n",
  );
  const { backend, asked, busy } = await setUp({ "/v1/chat/completions": answer }, { key: "secret" });
  const pieces: string[] = [];
  const result = await backend.chat({ ...question, temperature: 0 }, { onText: (text) => pieces.push(text) });
  expect(pieces).toEqual(["Hel", "lo"]);
  expect(result).toMatchObject({ text: "Hello", finishReason: "stop" });
  expect(busy).toEqual([true, false]);
  expect(asked[0]?.headers.authorization).toBe("Bearer secret");
  expect(asked[0]?.body).toMatchObject({ model: "qwen", stream: true, temperature: 0 });
});

test.each(["reasoning_content", "reasoning"])("what a model thinks is told apart from its answer: %s", async (name) => {
  const answer = stream(
    chunk({ role: "assistant", content: "", [name]: null }),
    chunk({ [name]: "Hm, " }),
    chunk({ [name]: "yes." }),
    chunk({ content: "Yes." }, "stop"),
    "data: [DONE]\n\n",
  );
  const { backend } = await setUp({ "/v1/chat/completions": answer });
  const pieces: string[] = [];
  const thoughts: unknown[] = [];
  const result = await backend.chat(question, {
    onText: (text) => pieces.push(text),
    onThought: ({ text, tokens }) => thoughts.push([text, tokens]),
  });
  expect(pieces).toEqual(["Yes."]);
  expect(thoughts).toEqual([
    ["Hm, ", 1],
    ["yes.", 2],
  ]);
  expect(result).toMatchObject({ text: "Yes.", thought: { text: "Hm, yes.", tokens: 2 } });
});

test("calls tools, and sends their results", async () => {
  const answer = stream(
    chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "look", arguments: '{"at"' } }] }),
    chunk({
      tool_calls: [
        { index: 0, function: { arguments: ":1}" } },
        { index: 1, id: "b", function: { name: "stop", arguments: "" } },
      ],
    }),
    chunk({}, "tool_calls"),
    "data: [DONE]\n\n",
  );
  const { backend, asked } = await setUp({ "/v1/chat/completions": answer });
  const calls: unknown[] = [];
  const call = { id: "x", name: "look", arguments: "{}" };
  await backend.chat(
    {
      messages: [
        ...question.messages,
        { role: "assistant", text: "", toolCalls: [call] },
        { role: "tool", text: "seen", toolCallId: "x" },
      ],
      tools: [{ name: "look", parameters: { type: "object" } }],
      toolChoice: "required",
    },
    { onText: ignore, onToolCall: (each) => calls.push(each) },
  );
  expect(calls).toEqual([
    { id: "a", name: "look", arguments: '{"at":1}' },
    { id: "b", name: "stop", arguments: "{}" },
  ]);
  expect(asked[0]?.body).toMatchObject({
    tool_choice: "required",
    tools: [{ type: "function", function: { name: "look", parameters: { type: "object" } } }],
    messages: [
      {},
      { role: "assistant", content: null, tool_calls: [{ id: "x" }] },
      { role: "tool", tool_call_id: "x" },
    ],
  });
});

const faults: [string, Answer, RegExp][] = [
  ["half a stream", stream(chunk({ content: "Hel" })), /stopped in the middle of its answer/],
  [
    "a connection that breaks",
    (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chunk({ content: "Hel" }), () => response.destroy());
    },
    /in the middle of its answer/,
  ],
  [
    "an error in the stream",
    stream(chunk({ content: "Hel" }), 'data: {"error":{"message":"out of memory"}}\n\n'),
    /failed.*: out of memory/,
  ],
  ["a wrong key", json({ error: { message: "bad key" } }, 401), /refuses the key \(401\)/],
  ["too many requests", json({ error: { message: "slow down" } }, 429), /too much to do \(429\)/],
  ["a failure", json({ error: { message: "CUDA died" } }, 500), /failed \(500\): CUDA died$/],
  ["a refusal", json({ error: { message: "context too long" } }, 400), /refused the request: context too long$/],
  [
    "a page instead",
    (_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    /middle|not OpenAI/,
  ],
  ["events that are no JSON", stream("data: {nonsense\n\n"), /OpenAI's API|middle/],
  [
    "a call that is no JSON",
    stream(chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "look", arguments: "{" } }] }, "tool_calls")),
    /look with parameters that are not JSON/,
  ],
];

test.each(faults)("%s is told in words", async (_, answer, words) => {
  vi.spyOn(console, "error").mockImplementation(ignore);
  const { backend, host } = await setUp({ "/v1/chat/completions": answer });
  const message = await failure(backend);
  expect(message).toMatch(words);
  if (!message.includes("parameters")) expect(message).toContain(host);
  expect(message).not.toContain("\n");
});

test("a host that is gone is told in words, and asked again by hand", async () => {
  const { backend, close, host } = await setUp({});
  close();
  expect(await failure(backend)).toBe(`${host} can't be reached (ECONNREFUSED). Check that it runs, then ask again.`);
});

test("a server that falls silent is asked whether it runs, and given up where it does not", async () => {
  const silent: Answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chunk({ content: "Hel" }));
  };
  let alive = 3;
  const questions: Answer = (asked, response) => {
    alive -= 1;
    if (alive >= 0) models(asked, response);
    else response.destroy();
  };
  const { backend, host } = await setUp({ "/v1/chat/completions": silent, "/v1/models": questions }, { silenceMs: 5 });
  expect(await failure(backend)).toContain(`${host} can't be reached`);
  expect(alive).toBe(-1);
});

test("an answer can be stopped, and keeps what was said", async () => {
  const closed = withResolvers<void>();
  const endless: Answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chunk({ content: "Hel" }));
    response.once("close", () => closed.resolve());
  };
  const { backend } = await setUp({ "/v1/chat/completions": endless });
  const stop = new CancellationTokenSource();
  const result = await backend.chat(question, { onText: () => stop.cancel() }, stop.token);
  expect(result).toMatchObject({ text: "Hel", finishReason: "cancelled" });
  // The server is told.
  await closed.promise;
});

test("a question that waits can be given up", async () => {
  const { backend } = await setUp({ "/v1/chat/completions": () => undefined });
  const stop = new CancellationTokenSource();
  const first = backend.chat(question, { onText: ignore }, stop.token);
  const second = new CancellationTokenSource();
  const waiting = backend.chat(question, { onText: ignore }, second.token);
  second.cancel();
  await expect(waiting).rejects.toBeInstanceOf(Cancelled);
  stop.cancel();
  expect(await first).toMatchObject({ finishReason: "cancelled", text: "" });
});

test("asks llama-server what it can, and fills in by its route", async () => {
  const { backend, asked } = await setUp({
    "/v1/models": models,
    "/props": json({ default_generation_settings: { n_ctx: 8192 } }),
    "/infill": json({ content: "a, b", stop_type: "eos" }),
    "/tokenize": json({ tokens: [1, 2, 3] }),
  });
  expect(backend.canComplete).toBe(false);
  const none = new CancellationTokenSource().token;
  expect(await backend.limits(none)).toEqual({ contextTokens: 8192 });
  expect(backend.capabilities).toEqual({ infill: true });
  expect(await backend.countTokens("x")).toBe(3);
  const completion = await backend.complete({ prefix: "one\ndef f(", suffix: "):", maximumTokens: 9 }, none);
  expect(completion).toEqual({ text: "a, b", finishReason: "stop" });
  expect(asked.at(-1)?.body).toMatchObject({
    input_prefix: "one\ndef f(",
    prompt: "",
    input_suffix: "):",
    n_predict: 9,
  });
});

test("writes the model's own tokens into the prompt where there is no such route", async () => {
  const { backend, asked } = await setUp(
    {
      "/v1/models": models,
      "/tokenize": json({ count: 7 }),
      "/v1/completions": json({ choices: [{ text: "a", finish_reason: "length" }] }),
    },
    { model: "Qwen/Qwen2.5-Coder-7B" },
  );
  const none = new CancellationTokenSource().token;
  // It is not in the list: nothing is known of its context.
  expect(await backend.limits(none)).toEqual({ contextTokens: 4096 });
  expect(await backend.countTokens("x")).toBe(7);
  expect(await backend.complete({ prefix: "f(", suffix: ")" }, none)).toEqual({ text: "a", finishReason: "length" });
  expect(asked.at(-1)?.body).toMatchObject({ prompt: "<|fim_prefix|>f(<|fim_suffix|>)<|fim_middle|>" });
  expect(asked.at(-1)?.body["suffix"]).toBeUndefined();
});

test("settings are checked", () => {
  expect(() => parseBackends([{ name: "a", url: "file:///etc" }])).toThrow("flint.backends[0].url must be an address");
  expect(() => parseBackends([{ name: "a/b", url: "http://a" }])).toThrow("flint.backends[0].name");
  expect(() =>
    parseBackends([
      { name: "a", url: "http://a" },
      { name: "a", url: "http://b" },
    ]),
  ).toThrow("two backends");
  expect(parseBackends(undefined)).toEqual([]);
});
