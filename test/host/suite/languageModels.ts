/** The models in VS Code's own `vscode.lm`, signed out, as its chat and other extensions use them. */
import { ok, rejects, strictEqual } from "node:assert/strict";
import { before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { FlintApi } from "../../../extension/api.js";
import { activateFlint, untilState } from "./flint.js";

const ask = (text: string) => [vscode.LanguageModelChatMessage.User(text)];
const none = new vscode.CancellationTokenSource().token;

async function textOf({ text }: vscode.LanguageModelChatResponse): Promise<string> {
  let all = "";
  for await (const piece of text) all += piece;
  return all;
}

describe("VS Code's language models", () => {
  let flint: FlintApi;
  let model: vscode.LanguageModelChat;
  before(async () => {
    flint = await activateFlint();
    const [first] = await vscode.lm.selectChatModels({ vendor: "flint" });
    ok(first, "none is offered");
    model = first;
  });

  it("stream an answer", async () => {
    const response = await model.sendRequest(ask("Answer in one word: what is the capital of France?"), {}, none);
    const text = await textOf(response);
    ok(/paris/i.test(text), text);
  });

  it("offer the model in use with the context that is loaded", async () => {
    const { contextTokens } = await flint.engine.load();
    ok(process.env["FLINT_TEST_MODEL"]?.includes(model.id), model.id);
    // What an answer may take is kept free.
    ok(model.maxInputTokens > contextTokens / 2 && model.maxInputTokens < contextTokens, `${model.maxInputTokens}`);
  });

  it("count tokens with the model's tokenizer", async () => {
    const one = await model.countTokens("function");
    const many = await model.countTokens("function ".repeat(50));
    ok(one >= 1 && many > 40, `${one}, ${many}`);
    ok((await model.countTokens(vscode.LanguageModelChatMessage.User("function"))) >= one);
  });

  it("call a tool with what its schema allows, and take its result", async () => {
    const inputSchema = {
      type: "object",
      properties: { room: { enum: ["kitchen", "hall"] }, on: { type: "boolean" } },
      required: ["room", "on"],
    };
    const tools = [{ name: "set_light", description: "Turns the light of a room on or off", inputSchema }];
    const messages = ask("Turn on the light in the kitchen.");
    const toolMode = vscode.LanguageModelChatToolMode.Required;
    const response = await model.sendRequest(messages, { tools, toolMode }, none);
    const calls: vscode.LanguageModelToolCallPart[] = [];
    for await (const part of response.stream) if (part instanceof vscode.LanguageModelToolCallPart) calls.push(part);
    const [call] = calls;
    ok(call, "no tool is called");
    strictEqual(call.name, "set_light");
    const { room, on } = call.input as { room: unknown; on: unknown };
    ok((room === "kitchen" || room === "hall") && typeof on === "boolean", JSON.stringify(call.input));
    const result = new vscode.LanguageModelToolResultPart(call.callId, [new vscode.LanguageModelTextPart("It is on.")]);
    const after = await model.sendRequest(
      [...messages, vscode.LanguageModelChatMessage.Assistant([call]), vscode.LanguageModelChatMessage.User([result])],
      {},
      none,
    );
    ok((await textOf(after)).length > 0);
  });

  it("stop when they are told to", async () => {
    const stop = new vscode.CancellationTokenSource();
    const response = await model.sendRequest(ask("Count from one to one thousand, in words."), {}, stop.token);
    let pieces = 0;
    const reading = (async () => {
      for await (const _ of response.text) {
        pieces += 1;
        if (pieces === 3) stop.cancel();
      }
    })();
    await reading.catch(() => undefined);
    await untilState(flint, (state) => state === "ready");
    ok(pieces < 100, `${pieces} pieces`);
  });

  it("refuse in one plain sentence what is longer than the context", async () => {
    const long = async () => textOf(await model.sendRequest(ask("word ".repeat(20_000)), {}, none));
    await rejects(long, /^(?!.*\n)(.*: )?The prompt has [\d,]+ tokens( or more)?, the context [\d,]+\. Shorten it/);
  });
});
