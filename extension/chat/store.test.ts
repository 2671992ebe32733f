import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Message } from "../../webview/messages.js";
import { ConversationFile } from "./store.js";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-store-"));
  file = path.join(folder, "storage", "chat.json");
});
afterEach(() => rm(folder, { recursive: true }));

const question = (text: string): Message[] => [{ id: "1", role: "user", text }];

test("a conversation is there when the file is opened again", async () => {
  const store = await ConversationFile.open(file);
  expect(store.messages).toEqual([]);
  await store.write(question("Why?"));
  expect((await ConversationFile.open(file)).messages).toEqual(question("Why?"));
  expect(await readdir(path.dirname(file))).toEqual(["chat.json"]);
});

test("of many writes at once the last one stays", async () => {
  const store = await ConversationFile.open(file);
  await Promise.all(Array.from({ length: 50 }, (_, index) => store.write(question(`${index}`))));
  expect((await ConversationFile.open(file)).messages).toEqual(question("49"));
});

test("whoever opened it last has it: the window before does not write over it", async () => {
  const before = await ConversationFile.open(file);
  const after = await ConversationFile.open(file);
  await after.write(question("mine"));
  await expect(before.write(question("lost"))).rejects.toThrow("another window");
  await after.write(question("mine again"));
  expect((await ConversationFile.open(file)).messages).toEqual(question("mine again"));
});

test.each(['[{"id":"1","role":"tool"}]', '[{"id":'])("what can't be read is kept: %s", async (text) => {
  await ConversationFile.open(file);
  await writeFile(file, text);
  expect((await ConversationFile.open(file)).messages).toEqual([]);
  expect(await readFile(`${file}.unreadable`, "utf8")).toBe(text);
});
