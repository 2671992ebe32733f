import { mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Backend } from "../../backends/backend.js";
import { generationResult } from "../../fixtures.js";
import type { Conversations } from "./conversations.js";
import { echo, openConversations } from "./conversationsFixture.js";

let storage: string;
let opened: Conversations[];
let damaged: string[];
let deleted: string[];
let chat: Backend["chat"];
beforeEach(async () => {
  storage = await mkdtemp(path.join(tmpdir(), "flint-conversations-"));
  opened = [];
  damaged = [];
  deleted = [];
  chat = echo;
});
afterEach(async () => {
  for (const each of opened) {
    await each.store();
    each.dispose();
  }
  await rm(storage, { recursive: true });
});

async function open(): Promise<Conversations> {
  const conversations = await openConversations(storage, {
    chat: (...args) => chat(...args),
    onDamaged: (keptAt) => damaged.push(keptAt),
    onDeleted: (id) => deleted.push(id),
  });
  opened.push(conversations);
  return conversations;
}
const texts = ({ current }: Conversations) => current.messages.map(({ text }) => text);
const titles = async (conversations: Conversations) => (await conversations.list()).map(({ title }) => title);
const endless: Backend["chat"] = (_, { onText }, token) => {
  onText("Half");
  return new Promise((resolve) => token.onCancellationRequested(() => resolve(generationResult("Half", "cancelled"))));
};

test("the conversation on show is there after a restart, and so is what was typed", async () => {
  const before = await open();
  await before.current.ask("Why?");
  before.setDraft(before.current.id, { text: "And", editing: { id: "1", text: "Wh" } });
  await before.store();
  const after = await open();
  expect(after.current.id).toBe(before.current.id);
  expect(texts(after)).toEqual(["Why?", "To Why?"]);
  expect(after.draft).toEqual({ text: "And", editing: { id: "1", text: "Wh" } });
});

test("after a crash no more than a second is lost", async () => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  try {
    let say: (text: string) => void = () => undefined;
    chat = (_, { onText }) => {
      say = onText;
      return new Promise(() => undefined);
    };
    const before = await open();
    void before.current.ask("Why?");
    await vi.waitFor(() => expect(texts(before)).toHaveLength(2));
    say("Be");
    say("cause");
    // Nobody says that it ends, or more.
    vi.advanceTimersByTime(1000);
    await vi.waitFor(async () => {
      expect((await before.list()).length).toBe(1);
      const [{ id = "" } = {}] = await before.list();
      const stored = await (await open()).read(id);
      expect(stored?.tree.nodes.at(-1)?.message).toMatchObject({ text: "Because", state: "stopped" });
    });
  } finally {
    vi.useRealTimers();
  }
});

test("a new chat is another conversation; an empty one is not stored", async () => {
  const conversations = await open();
  const shown = vi.fn();
  conversations.onDidShow(shown);
  conversations.startNew();
  expect(shown).not.toHaveBeenCalled();
  await conversations.current.ask("First?");
  conversations.startNew();
  expect(texts(conversations)).toEqual([]);
  await conversations.store();
  expect(await titles(conversations)).toEqual(["First?"]);
  expect(texts(await open())).toEqual([]);
});

test("a question right after a new chat waits for nothing, and the answer before it keeps its text", async () => {
  chat = endless;
  const conversations = await open();
  const first = conversations.current;
  const asked = first.ask("First?");
  await vi.waitFor(() => expect(texts(conversations)).toEqual(["First?", "Half"]));
  chat = async () => generationResult("Second.");
  conversations.startNew();
  await Promise.all([asked, conversations.current.ask("Second?")]);
  expect(texts(conversations)).toEqual(["Second?", "Second."]);
  await conversations.open(first.id);
  expect(conversations.current.messages).toMatchObject([{ text: "First?" }, { text: "Half", state: "stopped" }]);
});

test("an answer goes on while another conversation is on show", async () => {
  let finish: () => void = () => undefined;
  const conversations = await open();
  await conversations.current.ask("First?");
  const first = conversations.current.id;
  conversations.startNew();
  chat = async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return generationResult("At last.");
  };
  const second = conversations.current.id;
  const asked = conversations.current.ask("Second?");
  await conversations.open(first);
  expect(texts(conversations)).toEqual(["First?", "To First?"]);
  const changed = vi.fn();
  conversations.onDidChange(changed);
  finish();
  await asked;
  expect(changed).not.toHaveBeenCalled();
  await conversations.open(second);
  expect(texts(conversations)).toEqual(["Second?", "At last."]);
  await vi.waitFor(async () => expect((await open()).current.messages).toHaveLength(2));
});

test("a conversation can be renamed, on show or not", async () => {
  const conversations = await open();
  await conversations.current.ask("First?");
  const first = conversations.current.id;
  await conversations.rename(first, " Reasons ");
  conversations.startNew();
  await conversations.current.ask("Second?");
  expect((await titles(conversations)).sort()).toEqual(["Reasons", "Second?"]);
  await vi.waitFor(async () => {
    await conversations.rename(first, "");
    expect((await titles(conversations)).sort()).toEqual(["First?", "Second?"]);
  });
});

test("a deleted conversation is gone, and can be had back", async () => {
  const conversations = await open();
  await conversations.current.ask("First?");
  const { id } = conversations.current;
  const undo = await conversations.delete(id);
  expect(deleted).toEqual([id]);
  expect(texts(conversations)).toEqual([]);
  expect(await titles(conversations)).toEqual([]);
  expect(await readdir(path.join(storage, "conversations"))).toEqual([]);
  await undo();
  expect(texts(conversations)).toEqual(["First?", "To First?"]);
  expect(await titles(conversations)).toEqual(["First?"]);
  conversations.startNew();
  await (await conversations.delete(id))();
  expect(texts(conversations)).toEqual([]);
  expect(await titles(conversations)).toEqual(["First?"]);
});

test("what earlier versions stored is on show", async () => {
  const before = await open();
  await before.current.ask("Newer?");
  const message = { id: "1", role: "user", text: "Older?", attachments: [] };
  await writeFile(path.join(storage, "chat.json"), JSON.stringify({ id: "x", messages: [message] }));
  const after = await open();
  expect(texts(after)).toEqual(["Older?"]);
  expect((await titles(after)).sort()).toEqual(["Newer?", "Older?"]);
});

test("a damaged conversation is kept, told, and keeps nobody from asking", async () => {
  const before = await open();
  await before.current.ask("Why?");
  await before.store();
  const file = path.join(storage, "conversations", `${before.current.id}.json`);
  await writeFile(file, "{");
  const after = await open();
  expect(damaged).toEqual([`${file}.unreadable`]);
  expect(texts(after)).toEqual([]);
  await after.current.ask("And?");
  expect(await titles(after)).toEqual(["And?"]);
});

test("what a later version of Flint has written stays as it is", async () => {
  const before = await open();
  await before.current.ask("Why?");
  await before.store();
  const file = path.join(storage, "conversations", `${before.current.id}.json`);
  const later = (await readFile(file, "utf8")).replace('"version":1', '"version":2');
  await writeFile(file, later);
  const after = await open();
  await after.current.ask("And?");
  expect(await titles(after)).toEqual(["And?"]);
  expect(damaged).toEqual([]);
  expect(await readFile(file, "utf8")).toBe(later);
});

test("a conversation that can't be stored says so once, and is stored when that works again", async () => {
  const conversations = await open();
  await conversations.current.ask("Why?");
  await conversations.store();
  const folder = path.join(storage, "conversations");
  // As where the disk is full: nothing can be written there.
  await rename(folder, `${folder}-away`);
  await writeFile(folder, "");
  const changed = vi.fn();
  conversations.onDidChange(() => changed(conversations.problem?.message));
  await conversations.current.ask("And?");
  await vi.waitFor(() =>
    expect(conversations.problem?.message).toMatch(/^This conversation is not stored: .*tries again/),
  );
  await conversations.store();
  await rm(folder);
  await rename(`${folder}-away`, folder);
  await conversations.store();
  expect(conversations.problem).toBeUndefined();
  expect(texts(await open())).toEqual(["Why?", "To Why?", "And?", "To And?"]);
});
