/** Chat templates as files have them: known, unknown, none, and without end. */
import { expect, test } from "vitest";
import { chatRequest, completeRequest, statsRequest } from "../../protocol/messages.js";
import { flint, inCheckout } from "../support/flint.js";
import { load, sidecar } from "../support/sidecar.js";
import { plainTemplate, tinyChatModel, withTemplate } from "../support/tinyChat.js";

const tiny = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");
const few = { contextTokens: 512, threads: 1 };
const messages = [{ role: "user" as const, text: "Hello" }];

test("a template that nobody knows is rendered as it is", async () => {
  const started = await sidecar();
  const template = plainTemplate.replaceAll("###", "@@@");
  const { chatTemplate, chatNote } = await load(started, withTemplate("tiny-unknown-template", template), few);
  expect({ chatTemplate, chatNote }).toEqual({ chatTemplate: "model", chatNote: undefined });
  const { connection } = started;
  const { promptTokens } = await connection.sendRequest(chatRequest, { messages, maximumTokens: 2 });
  const prefix = "@@@ user:\nHello\n\n@@@ assistant:\n";
  const same = await connection.sendRequest(completeRequest, { prefix, maximumTokens: 2 });
  expect(promptTokens).toEqual(same.promptTokens);
});

test("what a template says as the system is said where nobody else does", async () => {
  const started = await sidecar();
  const said = "You are a test.";
  const template = [
    `{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\n${said}<|im_end|>\\n' }}{% endif %}`,
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}",
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  ].join("");
  await load(started, withTemplate("tiny-default-system", template), few);
  const tokensOf = async (...system: string[]) => {
    const asked = [...system.map((text) => ({ role: "system" as const, text })), ...messages];
    return (await started.connection.sendRequest(chatRequest, { messages: asked, maximumTokens: 2 })).promptTokens;
  };
  const byItself = await tokensOf();
  expect(byItself).toEqual(await tokensOf(said));
  expect(byItself).not.toEqual(await tokensOf("You are another."));
});

test("a model with the tokens of a chat and no template gets a plain one, and a note", async () => {
  const started = await sidecar();
  const model = tinyChatModel("tiny-without-template", (file) => {
    const tokens = file.find("tokenizer.ggml.tokens")?.value;
    if (!Array.isArray(tokens)) throw new Error("no tokens");
    tokens[5] = "<|im_start|>";
    tokens[6] = "<|im_end|>";
    return file;
  });
  const result = await load(started, model, few);
  expect(result).toMatchObject({
    chatTemplate: "plain",
    chatNote: expect.stringMatching(/^tiny-without-template\.gguf has no chat template, so a plain one is used\. /),
  });
  const { promptTokens } = await started.connection.sendRequest(chatRequest, { messages, maximumTokens: 2 });
  expect(promptTokens).toEqual(expect.arrayContaining([5, 6]));
});

test("a template that cannot be read is replaced, and one without end too, within its time", async () => {
  const started = await sidecar();
  const broken = withTemplate("tiny-broken-template", "{% for message in %}");
  expect(await load(started, broken, few)).toMatchObject({
    chatTemplate: "plain",
    chatNote: expect.stringMatching(/^The chat template of tiny-broken-template\.gguf cannot be read/),
  });
  const loop = "{% for a in range(100000) %}{% for b in range(100000) %}{% set c = b %}{% endfor %}{% endfor %}";
  const endless = withTemplate("tiny-endless-template", loop + plainTemplate);
  expect(await load(started, endless, few)).toMatchObject({
    chatTemplate: "plain",
    chatNote: expect.stringMatching(/^The chat template of tiny-endless-template\.gguf runs without end/),
  });
  const { tokens } = await started.connection.sendRequest(chatRequest, { messages, maximumTokens: 2 });
  expect(tokens.length).toBeGreaterThan(0);
});

test("a template without end for some conversations ends such a chat, and no other", async () => {
  const started = await sidecar();
  const loop = "{% for a in range(100000) %}{% for b in range(100000) %}{% set c = b %}{% endfor %}{% endfor %}";
  const template = `{% if messages | length > 20 %}${loop}{% endif %}${plainTemplate}`;
  const { connection } = started;
  expect(await load(started, withTemplate("tiny-sometimes-endless", template), few)).toMatchObject({
    chatTemplate: "model",
  });
  const endless = Array.from({ length: 12 }, () => [...messages, { role: "assistant" as const, text: "Hi" }]).flat();
  await expect(connection.sendRequest(chatRequest, { messages: [...endless, ...messages] })).rejects.toThrow(
    "The model's chat template runs without end. Choose another model.",
  );
  expect((await connection.sendRequest(chatRequest, { messages, maximumTokens: 2 })).tokens.length).toBeGreaterThan(0);
  expect((await connection.sendRequest(statsRequest)).modelPath).toMatch(/sometimes-endless/);
});

test("a base model is told from others, refused for chat, and goes on with a text", async () => {
  const started = await sidecar();
  expect(await load(started, tiny, few)).toMatchObject({
    chatTemplate: "none",
    chatNote: expect.stringMatching(
      /^flint-tiny-relu2-f16\.gguf is a base model: .*choose one whose name says Instruct or Chat/,
    ),
  });
  const refused = await flint("run", tiny, "--prompt", "Hello", "--chat", "--tokens", "2");
  expect(refused).toMatchObject({ status: 4, stdout: "", stderr: expect.stringMatching(/is a base model/) });
  const completed = await flint("run", tiny, "--prompt", "Hello", "--tokens", "2", "--json");
  expect(completed.status).toBe(0);
});
