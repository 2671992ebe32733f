import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Message } from "../../../webview/messages.js";
import { newConversation, serialize } from "./conversation.js";
import { ConversationFolder } from "./conversationFolder.js";

let storage: string;
let folder: ConversationFolder;
let damaged: string[];
beforeEach(async () => {
  storage = await mkdtemp(path.join(tmpdir(), "flint-conversations-"));
  damaged = [];
  folder = new ConversationFolder(path.join(storage, "conversations"), (keptAt) => damaged.push(keptAt));
});
afterEach(() => rm(storage, { recursive: true }));

const messages = (text: string): Message[] => [
  { id: "1", role: "user", text, attachments: [] },
  { id: "2", role: "assistant", text: "Because.", state: "done" },
];
const store = (id: string, text: string, at: number) => folder.put(newConversation(id, at, messages(text)));
const titles = async () => (await folder.list()).map(({ title }) => title);

test("lists the newest first, and knows when one has changed", async () => {
  expect(await titles()).toEqual([]);
  await store("a", "First?", 1);
  await store("b", "Second?", 2);
  expect(await titles()).toEqual(["Second?", "First?"]);
  await folder.rename("a", "Renamed");
  expect(await titles()).toEqual(["Second?", "Renamed"]);
  await folder.remove("a");
  expect(await titles()).toEqual(["Second?"]);
});

test("finds a text in what was said, in whatever case", async () => {
  await store("a", 'Why "this"?\nAnd that?', 1);
  await store("b", "Second?", 2);
  const { signal } = new AbortController();
  expect(await folder.search('"THIS"?\nand', signal)).toEqual(new Set(["a"]));
  expect(await folder.search("because", signal)).toEqual(new Set(["a", "b"]));
  expect(await folder.search("nowhere", signal)).toEqual(new Set());
  // Words of the file's form that nobody said.
  for (const word of ["role", "assistant", "summary", "version"]) {
    expect(await folder.search(word, signal)).toEqual(new Set());
  }
  await expect(folder.search("Second", AbortSignal.abort())).rejects.toThrow();
});

test("a thousand are listed by their first lines, not by what is in them", async () => {
  await mkdir(folder.folder);
  for (let index = 0; index < 1000; index++) {
    const [summary] = serialize(newConversation(`${index}`, index, messages(`Question ${index}`))).split("\n");
    // Only who reads further would notice.
    await writeFile(path.join(folder.folder, `${index}.json`), `${summary}\nno JSON at all`);
  }
  const all = await folder.list();
  expect(all).toHaveLength(1000);
  expect(all[0]?.title).toBe("Question 999");
  expect(damaged).toEqual([]);
});

test.each(["", "{", '{"summary":{"version":0}}'])("what can't be read is kept and told: %j", async (text) => {
  await store("a", "Why?", 1);
  const file = path.join(folder.folder, "a.json");
  await writeFile(file, text);
  expect(await folder.list()).toEqual([]);
  expect(damaged).toEqual([`${file}.unreadable`]);
  expect(await readFile(`${file}.unreadable`, "utf8")).toBe(text);
  await writeFile(file, text);
  expect(await folder.open("a")).toBeUndefined();
  expect(damaged).toHaveLength(2);
});

test.each(["../a", "a/b", "", "..", "x".repeat(65)])("%j is no conversation", async (id) => {
  expect(await folder.open(id)).toBeUndefined();
  expect(await folder.read(id)).toBeUndefined();
});

test.each([
  ["with an id", { id: "../../elsewhere", messages: messages("Why?") }],
  ["of the first versions", messages("Why?")],
])("the one conversation of earlier versions is taken over: %s", async (_, content) => {
  const file = path.join(storage, "chat.json");
  await writeFile(file, JSON.stringify(content));
  const id = await folder.takeOver(file);
  expect(await readdir(storage)).toEqual(["conversations"]);
  expect(await titles()).toEqual(["Why?"]);
  const { tree } = (await folder.read(id ?? "")) ?? {};
  expect(tree?.nodes).toEqual([{ message: messages("Why?")[0] }, { parent: "1", message: messages("Why?")[1] }]);
  expect(await folder.takeOver(file)).toBeUndefined();
});

test("of an empty one nothing stays, of a damaged one all", async () => {
  const file = path.join(storage, "chat.json");
  await writeFile(file, "[]");
  expect(await folder.takeOver(file)).toBeUndefined();
  expect(await readdir(storage)).toEqual([]);
  await writeFile(file, "[{");
  expect(await folder.takeOver(file)).toBeUndefined();
  expect(await readFile(`${file}.unreadable`, "utf8")).toBe("[{");
  expect(damaged).toEqual([`${file}.unreadable`]);
});
