/** The window's engine as a server, as other programs see it. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import OpenAI from "openai";
import * as vscode from "vscode";
import type { FlintApi } from "../../../extension/api.js";
import { activateFlint } from "./flint.js";

describe("the server of a window", () => {
  let flint: FlintApi;
  let address: string;
  let client: OpenAI;
  const start = () => vscode.commands.executeCommand<string>("flint.startServer");
  const stop = () => vscode.commands.executeCommand("flint.stopServer");
  before(async () => {
    flint = await activateFlint();
    await flint.engine.load();
    address = await start();
    client = new OpenAI({ baseURL: address, apiKey: "none", maxRetries: 0 });
  });
  after(stop);

  it("listens to this machine, and names the model in use first", async () => {
    strictEqual(new URL(address).hostname, "127.0.0.1");
    const [first] = (await client.models.list()).data;
    ok(first && process.env["FLINT_TEST_MODEL"]?.includes(first.id), first?.id);
  });

  it("answers with the engine that the window uses, which says so", async () => {
    const { pid } = flint.engine;
    const before = pid();
    const states = new Set<string>();
    const subscription = flint.engine.onDidChangeState((state) => states.add(state));
    const stream = await client.chat.completions.create({
      model: "any",
      messages: [{ role: "user", content: "Answer in one word: what is the capital of France?" }],
      max_tokens: 8,
      stream: true,
    });
    let text = "";
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    subscription.dispose();
    ok(/paris/i.test(text), text);
    ok(states.has("reading") && states.has("answering") && !states.has("loading"), [...states].join());
    strictEqual(pid(), before);
  });

  it("counts tokens, and continues text", async () => {
    const { origin } = new URL(address);
    const response = await fetch(`${origin}/tokenize`, {
      method: "POST",
      body: JSON.stringify({ content: "function" }),
    });
    deepStrictEqual(Object.keys((await response.json()) as object), ["tokens"]);
    const { choices } = await client.completions.create({ model: "any", prompt: "one two three", max_tokens: 3 });
    ok((choices[0]?.text ?? "").length > 0);
  });

  it("answers no web site", async () => {
    const response = await fetch(`${address}/models`, { headers: { origin: "https://example.com" } });
    strictEqual(response.status, 403);
  });

  it("ends when it is told to, and its requests with it", async () => {
    const stream = await client.chat.completions.create({
      model: "any",
      messages: [{ role: "user", content: "Count from 1 to 1000." }],
      stream: true,
    });
    const read = async () => {
      for await (const _ of stream) await stop();
    };
    await rejects(read());
    await rejects(fetch(`${address}/models`));
    const again = await start();
    ok((await fetch(`${again}/models`)).ok);
  });
});
