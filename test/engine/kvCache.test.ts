/** What is kept of the KV cache on disk: found again by another process, never trusted, never too much. */
import { copyFile, mkdtemp, open, readdir, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Sidecar } from "../../protocol/client.js";
import { deleteKvCache, newKvCacheFile } from "../../protocol/kvCacheFiles.js";
import {
  type ChatMessage,
  chatRequest,
  completeRequest,
  forgetSessionRequest,
  type GenerationResult,
  type LoadParams,
  shutdownRequest,
  statsRequest,
  unloadRequest,
} from "../../protocol/messages.js";
import { planModel } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { load, sidecar, watch } from "../support/sidecar.js";
import { plainTemplate, withTemplate } from "../support/tinyChat.js";
import { tinyModelOf } from "../support/tinyModel.js";

const contextTokens = 1024;
const budgetBytes = 1024 ** 3;
const user = (text: string): ChatMessage => ({ role: "user", text });

let model: string;
let chatModel: string;
beforeAll(async () => {
  model = await syntheticModel("llama-iq4_xs");
  chatModel = withTemplate("tiny-chat", plainTemplate);
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "flint-kv-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function loaded(
  folder: string | undefined,
  modelPath = model,
  more: Partial<LoadParams> = {},
  onLog?: (line: string) => void,
): Promise<Sidecar> {
  const started = await sidecar(onLog);
  const kvCache = folder === undefined ? {} : { kvCache: { folder, budgetBytes } };
  await load(started, modelPath, { contextTokens, threads: 1, ...kvCache, ...more });
  return started;
}

/** Ends it when all is kept. */
async function end({ connection, dispose, exited }: Sidecar): Promise<void> {
  await connection.sendRequest(unloadRequest);
  dispose();
  await exited;
}

/** So many words that all are tokens of their own, another text for each number. */
const words = (count: number, text = 0): string =>
  Array.from({ length: count }, (_, index) => [" the", " of", " and", " to"][(index * (index + text)) % 4]).join("");

const complete = ({ connection }: Pick<Sidecar, "connection">, prefix: string): Promise<GenerationResult> =>
  connection.sendRequest(completeRequest, { prefix, maximumTokens: 16, ignoreEos: true });

/** What one process says, that ends then. */
async function said(folder: string | undefined, prefix: string, more: Partial<LoadParams> = {}) {
  const log: string[] = [];
  const started = await loaded(folder, model, more, (line) => log.push(line));
  const result = await complete(started, prefix);
  await end(started);
  return { ...result, log: log.filter((line) => line.includes("KV cache")) };
}

describe("an engine that is started anew", () => {
  test("goes on with the same tokens, and evaluates one of the prompt", async () => {
    const folder = await newFolder();
    const first = await said(folder, words(600));
    expect(first.cachedPromptTokens).toBe(0);
    const second = await said(folder, words(600));
    expect(second).toMatchObject({ tokens: first.tokens, cachedPromptTokens: first.promptTokens.length - 1, log: [] });
  });

  test("has what was read last, where the one before was told to end at once", async () => {
    const folder = await newFolder();
    const { connection, exited } = await loaded(folder);
    const { tokens, promptTokens } = await complete({ connection }, words(600));
    await connection.sendRequest(shutdownRequest);
    await exited;
    expect(await readdir(folder)).toEqual([expect.stringMatching(/[.]kv$/)]);
    expect(await said(folder, words(600))).toMatchObject({ tokens, cachedPromptTokens: promptTokens.length - 1 });
  });

  test("finds the longest beginning of another prompt", async () => {
    const folder = await newFolder();
    const longer = `${words(500)} is${words(100)}`;
    const { promptTokens } = await said(folder, words(500));
    const other = await said(folder, longer);
    expect(other.cachedPromptTokens).toBe(promptTokens.length);
    // As from what is in memory. Read in one go the prompt has other micro-batches, and so may have other bits.
    const inMemory = await loaded(await newFolder());
    await complete(inMemory, words(500));
    expect(await complete(inMemory, longer)).toMatchObject({
      tokens: other.tokens,
      cachedPromptTokens: promptTokens.length,
    });
    await end(inMemory);
    // Too little of it is the same.
    expect((await said(folder, `${words(100)} is${words(500)}`)).cachedPromptTokens).toBe(0);
  });

  test("keeps short prompts and short answers out of the folder, and one file of a text that grows", async () => {
    const folder = await newFolder();
    await said(folder, words(200));
    expect(await readdir(folder)).toEqual([]);
    const { promptTokens, tokens } = await said(folder, words(400));
    const [first] = await readdir(folder);
    const started = await loaded(folder);
    const goOn = (count: number) =>
      started.connection.sendRequest(completeRequest, {
        prefix: "",
        promptTokens: [...promptTokens, ...tokens, ...promptTokens.slice(-count)],
        maximumTokens: 1,
        ignoreEos: true,
      });
    await goOn(30);
    await goOn(300);
    await end(started);
    const [second, ...others] = await readdir(folder);
    expect(others).toEqual([]);
    expect(second).not.toBe(first);
  });

  test("has the state of a model that streams its weights", async () => {
    const folder = await newFolder();
    const least = { ramCapBytes: (await planModel(model, "--context", `${contextTokens}`)).minimumCapBytes };
    const first = await said(folder, words(600), least);
    const started = await loaded(folder, model, least);
    const before = await started.connection.sendRequest(statsRequest);
    const second = await complete(started, words(600));
    expect(second).toMatchObject({ tokens: first.tokens, cachedPromptTokens: first.promptTokens.length - 1 });
    const after = await started.connection.sendRequest(statsRequest);
    expect(after.memory.peakBytes).toBeLessThanOrEqual(least.ramCapBytes);
    expect(before.memory.capBytes).toBe(least.ramCapBytes);
  });

  test("goes on with a conversation", async () => {
    const folder = await newFolder();
    const log: string[] = [];
    const onLog = (line: string) => void log.push(line);
    const first = await loaded(folder, chatModel, {}, onLog);
    const system: ChatMessage = { role: "system", text: words(400) };
    const ask = ({ connection }: Sidecar, messages: ChatMessage[]) =>
      connection.sendRequest(chatRequest, { messages, maximumTokens: 8, sessionId: "one" });
    const { text, promptTokens } = await ask(first, [system, user("a b c")]);
    await end(first);
    const kept = await readdir(folder);
    const second = await loaded(folder, chatModel, {}, onLog);
    const messages = [system, user("a b c"), { role: "assistant" as const, text }, user("d e f")];
    const { cachedPromptTokens } = await ask(second, messages);
    const told = [...kept, `after ${JSON.stringify(text)}`, ...log].join("\n");
    expect(cachedPromptTokens, told).toBeGreaterThanOrEqual(promptTokens.length - 1);
  });

  test("goes on with suggestions of an inline model", async () => {
    const folder = await newFolder();
    const both = { inlineModelPath: model };
    const first = await loaded(folder, chatModel, both);
    const { tokens, promptTokens } = await complete(first, words(600));
    await end(first);
    const second = await loaded(folder, chatModel, both);
    const again = await complete(second, words(600));
    expect(again).toMatchObject({ tokens, cachedPromptTokens: promptTokens.length - 1 });
  });

  test.each(["nemotron_h_moe", "gpt-oss"] as const)("of %s, whose state cannot be taken back", async (shape) => {
    const path = await tinyModelOf(shape);
    const folder = await newFolder();
    const ask = ({ connection }: Sidecar, question: string) =>
      connection.sendRequest(chatRequest, {
        messages: [{ role: "system", text: "a b ".repeat(130) }, user(question)],
        maximumTokens: 8,
      });
    const least = { contextTokens: 512 };
    const first = await loaded(folder, path, least);
    await ask(first, "x y");
    await end(first);
    const second = await loaded(folder, path, least);
    const other = await ask(second, "c d");
    // All up to the question.
    expect(other.cachedPromptTokens).toBeGreaterThan(256);
    const without = await ask(await loaded(await newFolder(), path, least), "c d");
    expect(without).toMatchObject({ tokens: other.tokens, cachedPromptTokens: 0 });
  });
});

describe("a file that is not as it was written", () => {
  const change = async (path: string, position: (size: number) => number) => {
    const { size } = await stat(path);
    const file = await open(path, "r+");
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position(size));
    await file.write(
      byte.map((value) => value ^ 1),
      0,
      1,
      position(size),
    );
    await file.close();
  };

  test.each([
    ["its first byte changed", (path: string) => change(path, () => 0)],
    ["a byte in its middle changed", (path: string) => change(path, (size) => size >> 1)],
    ["a byte of its description changed", (path: string) => change(path, (size) => size - 100)],
    ["the length of its description changed", (path: string) => change(path, (size) => size - 44)],
    ["its last byte changed", (path: string) => change(path, (size) => size - 1)],
    ["its end cut off", async (path: string) => truncate(path, (await stat(path)).size - 1)],
    ["nearly all cut off", (path: string) => truncate(path, 20)],
    ["nothing in it", (path: string) => truncate(path, 0)],
  ])("is removed: %s", async (_, damage) => {
    const folder = await newFolder();
    const { tokens } = await said(folder, words(600));
    const [name = ""] = await readdir(folder);
    await damage(join(folder, name));
    const again = await said(folder, words(600));
    expect(again).toMatchObject({ tokens, cachedPromptTokens: 0 });
    expect(again.log.join()).toContain(`${name} is removed: `);
    // That of the second answer.
    const names = await readdir(folder);
    expect(names).toHaveLength(1);
    expect(names).not.toContain(name);
    expect((await said(folder, words(600))).cachedPromptTokens).toBeGreaterThan(0);
  });

  test("is removed where it is that of another model under the name of this one", async () => {
    const folder = await newFolder();
    const other = await syntheticModel("qwen2-q5_0");
    const foreign = await loaded(folder, other);
    await complete(foreign, words(600));
    await end(foreign);
    const [name = ""] = await readdir(folder);
    const own = await said(folder, words(600));
    expect(own).toMatchObject({ cachedPromptTokens: 0, log: [] });
    const ownName = (await readdir(folder)).find((each) => each !== name) ?? "";
    expect(await readdir(folder)).toHaveLength(2);
    await rm(join(folder, ownName));
    await rename(join(folder, name), join(folder, ownName));
    const again = await said(folder, words(600));
    expect(again).toMatchObject({ tokens: own.tokens, cachedPromptTokens: 0 });
    expect(again.log.join()).toContain(`${ownName} is removed: it is of another model`);
  });

  test("is of no use to a model that has changed", async () => {
    const folder = await newFolder();
    const copy = join(await newFolder(), "model.gguf");
    await copyFile(model, copy);
    const first = await loaded(folder, copy);
    await complete(first, words(600));
    await end(first);
    await copyFile(await syntheticModel("llama-iq4_xs"), copy);
    const second = await loaded(folder, copy);
    expect((await complete(second, words(600))).cachedPromptTokens).toBe(0);
  });
});

describe("the folder", () => {
  test("is for its owner only, and so is each file", async () => {
    const folder = join(await newFolder(), "kv");
    await said(folder, words(600));
    const [name = ""] = await readdir(folder);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  });

  test("has at most its budget: what was not used for longest leaves", async () => {
    const folder = await newFolder();
    const first = await loaded(folder);
    await complete(first, words(600, 1));
    await complete(first, words(600, 2));
    await end(first);
    const names = await readdir(folder);
    expect(names).toHaveLength(2);
    const { size } = await stat(join(folder, names[0] ?? ""));
    // Room for two.
    const kvCache = { folder, budgetBytes: Math.floor(2.5 * size) };
    const second = await loaded(folder, model, { kvCache });
    expect((await complete(second, words(600, 1))).cachedPromptTokens).toBeGreaterThan(500);
    await complete(second, words(600, 3));
    await end(second);
    expect(await readdir(folder)).toHaveLength(2);
    const third = await loaded(folder, model, { kvCache });
    const cached = [];
    for (const text of [3, 1, 2]) cached.push((await complete(third, words(600, text))).cachedPromptTokens > 500);
    expect(cached).toEqual([true, true, false]);
    await end(third);
    const fourth = await loaded(folder, model, { kvCache: { folder, budgetBytes: 1000 } });
    expect(await readdir(folder)).toEqual([]);
    await complete(fourth, words(600));
    await end(fourth);
    expect(await readdir(folder)).toEqual([]);
  });

  test("loses what was being written when the process was killed, and nothing else", async () => {
    const folder = await newFolder();
    const { tokens } = await said(folder, words(600));
    const [kept] = await readdir(folder);
    for (let round = 0; round < 4; round++) {
      const started = await loaded(folder);
      await complete(started, words(700, round + 1));
      // Whatever it has come to.
      started.process.kill("SIGKILL");
      await started.exited;
      const again = await said(folder, words(600));
      expect(again.tokens).toEqual(tokens);
      expect(again.cachedPromptTokens).toBeGreaterThan(0);
      expect(again.log).toEqual([]);
      const names = await readdir(folder);
      expect(names).toContain(kept);
      expect(names.filter((name) => !name.endsWith(".kv"))).toEqual([]);
    }
  });

  test("is freed of what processes left that died, and of no other's", async () => {
    const folder = await newFolder();
    const dead = await sidecar();
    dead.dispose();
    await dead.exited;
    const key = "0".repeat(64);
    const left = `${newKvCacheFile(key)}.${dead.process.pid}.tmp`;
    const others = [`${newKvCacheFile(key)}.${process.pid}.tmp`, "notes.txt"];
    for (const name of [left, ...others]) await writeFile(join(folder, name), "");
    await loaded(folder);
    expect((await readdir(folder)).sort()).toEqual(others.sort());
  });

  test("that cannot be had is no reason not to answer", async () => {
    const file = join(await newFolder(), "file");
    await writeFile(file, "");
    const { text, log } = await said(file, words(600));
    expect(text).not.toBe("");
    expect(log.join()).toContain("nothing is kept");
  });
});

describe("a conversation that is deleted", () => {
  const chat = (started: Sidecar, sessionId: string, text: string, maximumTokens = 4) =>
    watch(started, (progressToken) =>
      started.connection.sendRequest(chatRequest, {
        ...{ messages: [user(text)], maximumTokens, sessionId, progressToken, ignoreEos: true },
      }),
    );

  test("has no file any more; others have", async () => {
    const folder = await newFolder();
    const started = await loaded(folder, chatModel);
    await chat(started, "one", words(500, 1)).result;
    await chat(started, "two", words(500, 2)).result;
    await end(started);
    const before = await readdir(folder);
    expect(before).toHaveLength(2);
    await deleteKvCache(folder, "one");
    expect(await readdir(folder)).toHaveLength(1);
    const again = await loaded(folder, chatModel);
    expect((await chat(again, "two", words(500, 2)).result).cachedPromptTokens).toBeGreaterThan(0);
    expect((await chat(again, "one", words(500, 1)).result).cachedPromptTokens).toBeLessThan(100);
  });

  test("gets none while it is answered, until it goes on", async () => {
    const folder = await newFolder();
    const started = await loaded(folder, chatModel);
    const answer = chat(started, "one", words(500), 32);
    await answer.reached(1);
    await started.connection.sendRequest(forgetSessionRequest, { sessionId: "one" });
    await answer.result;
    await started.connection.sendRequest(unloadRequest);
    expect(await readdir(folder)).toEqual([]);
    await load(started, chatModel, { contextTokens, threads: 1, kvCache: { folder, budgetBytes } });
    await chat(started, "one", words(500)).result;
    await started.connection.sendRequest(unloadRequest);
    expect(await readdir(folder)).toHaveLength(1);
  });
});
