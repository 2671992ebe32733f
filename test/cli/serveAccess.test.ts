/** What `flint serve` refuses, who may ask it, and which model answers. */
import { rm, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { chatModel } from "../support/chatModel.js";
import { flint, inCheckout } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { startServer } from "../support/serve.js";
import { ask, clientOf, lightSchema, serveForTests } from "../support/served.js";

const served = serveForTests();

describe("refusals", () => {
  test("a prompt that is longer than the context is refused with numbers", async () => {
    const refused = served.openai.chat.completions.create({ model: served.model, messages: ask("word ".repeat(2000)) });
    await expect(refused).rejects.toMatchObject({
      status: 400,
      code: "context_length_exceeded",
      message: expect.stringMatching(/\d+ tokens( or more)?, the context 512/),
    });
  });

  test.each([
    ["not JSON", "/v1/chat/completions", "{", /valid JSON/],
    ["no messages", "/v1/chat/completions", {}, /messages/],
    [
      "an image",
      "/v1/chat/completions",
      { messages: [{ role: "user", content: [{ type: "image_url" }] }] },
      /image_url/,
    ],
    ["two answers", "/v1/completions", { prompt: "a", n: 2 }, /n: /],
  ])("%s", async (_, path, body, message) => {
    const answer = await served.post(path, body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { message: expect.stringMatching(message), type: "invalid_request_error" },
    });
  });

  test("an unknown route", async () => {
    const answer = await served.post("/v1/nothing", {});
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: "unknown_url" } });
  });

  test("a body that is too large", async () => {
    const answer = await served.post("/v1/chat/completions", " ".repeat(33 * 1024 ** 2));
    expect(answer.status).toBe(413);
  });

  test("a web site: by its name, or by what its browser says", async () => {
    const rebound = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: "attacker.example" };
      httpRequest({ host: "127.0.0.1", port: served.server.port, path: "/v1/models", headers }, ({ statusCode }) =>
        resolve(statusCode),
      )
        .on("error", reject)
        .end();
    });
    expect(rebound).toBe(403);
    expect((await served.post("/tokenize", { content: "a" }, { origin: "https://attacker.example" })).status).toBe(403);
    expect((await served.post("/tokenize", { content: "a" }, { origin: "http://localhost:3000" })).status).toBe(200);
  });
});

test("another address needs keys, and these are asked for", async () => {
  const { status, stderr } = await flint("serve", await chatModel(), "--host", "0.0.0.0", "--port", "0");
  expect(status).toBe(2);
  expect(stderr).toContain("--api-key-file");
  const file = inCheckout(`build/test-models/keys-${process.pid}`);
  await writeFile(file, "first\nsecond\n");
  const guarded = await startServer(await chatModel(), "--host", "0.0.0.0", "--api-key-file", file);
  try {
    const local = { ...guarded, url: `http://127.0.0.1:${guarded.port}` };
    await expect(clientOf(local, "wrong").models.list()).rejects.toMatchObject({
      status: 401,
      code: "invalid_api_key",
    });
    expect((await clientOf(local, "second").models.list()).data).toHaveLength(1);
    expect((await fetch(`${local.url}/health`)).status).toBe(200);
  } finally {
    await guarded.stop();
    await rm(file);
  }
});

test("models are loaded when they are asked for; work for nobody ends", async () => {
  const long = await syntheticModel("llama-bf16");
  const two = await startServer(await chatModel(), long, "--ram-cap", "1GiB", "--context", "30000");
  try {
    const client = clientOf(two);
    const [small = "", big = ""] = two.models;
    // Also the first token after loading has the form that is forced.
    const called = await client.chat.completions.create({
      model: small,
      messages: ask("Turn it on."),
      tools: [{ type: "function", function: { name: "set_light", parameters: lightSchema } }],
      tool_choice: "required",
      parallel_tool_calls: false,
    });
    expect(called.choices[0]?.message.tool_calls).toMatchObject([{ function: { name: "set_light" } }]);
    const leave = new AbortController();
    // It would go on for many minutes.
    const body = { model: big, prompt: "a", max_tokens: 29_000, ignore_eos: true, stream: true as const };
    const begun = await client.completions.create(body, { signal: leave.signal });
    for await (const { choices } of begun) if (choices.length > 0) break;
    leave.abort();
    const other = await client.completions.create({ model: small, prompt: "a", max_tokens: 1 });
    expect(other.model).toBe(small);
    const refused = client.completions.create({ model: "another", prompt: "a" });
    await expect(refused).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
      message: expect.stringContaining(big),
    });
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([small, basename(long, ".gguf")]);
  } finally {
    await two.stop();
  }
});
