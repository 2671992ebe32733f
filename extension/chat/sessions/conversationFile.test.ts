import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConversationFile, TakenOver } from "./conversationFile.js";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-conversation-"));
  file = path.join(folder, "conversations", "a.json");
});
afterEach(() => rm(folder, { recursive: true }));

async function open(): Promise<ConversationFile> {
  const opened = await ConversationFile.open(file);
  if (!opened) throw new Error("There is no file.");
  return opened.file;
}

test("a conversation is there when the file is opened again, and nothing else", async () => {
  expect(await ConversationFile.open(file)).toBeUndefined();
  await ConversationFile.create(file).write(() => "Why?");
  expect((await ConversationFile.open(file))?.text).toBe("Why?");
  expect(await readdir(path.dirname(file))).toEqual(["a.json"]);
});

test("of many writes at once the last one stays", async () => {
  const created = ConversationFile.create(file);
  await Promise.all(Array.from({ length: 50 }, (_, index) => created.write(() => `${index}`)));
  expect(await readFile(file, "utf8")).toBe("49");
});

test("whoever opened it last has it: the window before does not write over it", async () => {
  const before = ConversationFile.create(file);
  await before.write(() => "first");
  const after = await open();
  await after.write(() => "mine");
  await expect(before.write(() => "lost")).rejects.toBeInstanceOf(TakenOver);
  await after.write(() => "mine again");
  expect(await readFile(file, "utf8")).toBe("mine again");
});

test("what is deleted is gone after what was being written, and may be written again", async () => {
  const created = ConversationFile.create(file);
  const written = created.write(() => "Why?");
  await created.delete();
  await written;
  expect(await readdir(path.dirname(file))).toEqual([]);
  await created.write(() => "Why?");
  expect(await readFile(file, "utf8")).toBe("Why?");
});
