import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Conversation, newConversation, parseConversation } from "./conversation.js";
import { ConversationFile, type Kept } from "./conversationFile.js";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-conversation-"));
  file = path.join(folder, "conversations", "a.json");
});
afterEach(() => rm(folder, { recursive: true }));

const parse = async (text: string) => parseConversation("a", text);
const create = () => ConversationFile.create(file, parse);
const open = async () => {
  const opened = await ConversationFile.open(file, parse);
  if (!opened) throw new Error("There is no file.");
  return opened;
};
/** A conversation of which only the title changes. What another window has written is kept in `absorbed`. */
function titled(title: string): Kept & { conversation: Conversation; absorbed: (string | undefined)[] } {
  const kept = {
    conversation: { ...newConversation("a", 1), title },
    absorbed: [] as (string | undefined)[],
    absorb: (theirs: Conversation) => {
      kept.absorbed.push(theirs.title);
      return true;
    },
  };
  return kept;
}
const stored = async () => (await open()).conversation.title;

test("a conversation is there when the file is opened again, and nothing else", async () => {
  expect(await ConversationFile.open(file, parse)).toBeUndefined();
  await create().write(titled("Why?"));
  expect(await stored()).toBe("Why?");
  expect(await readdir(path.dirname(file))).toEqual(["a.json"]);
  expect(await readdir(folder)).toEqual(["conversations"]);
});

test("of many writes at once the last one stays", async () => {
  const created = create();
  await Promise.all(Array.from({ length: 50 }, (_, index) => created.write(titled(`${index}`))));
  expect(await stored()).toBe("49");
});

test("who opens a file only reads it, and writes nothing that is there", async () => {
  await create().write(titled("Why?"));
  const { ino, mtimeMs } = await stat(file);
  const { file: opened } = await open();
  const kept = titled("Why?");
  opened.holds(kept);
  await opened.write(kept);
  expect(await stat(file)).toMatchObject({ ino, mtimeMs });
});

test("what another window has written is taken in before it is written over", async () => {
  const first = create();
  await first.write(titled("first"));
  const { file: second } = await open();
  const mine = titled("mine");
  await second.write(mine);
  expect(mine.absorbed).toEqual([]);
  const other = titled("other");
  await first.write(other);
  expect(other.absorbed).toEqual(["mine"]);
  await second.refresh(mine);
  expect(mine.absorbed).toEqual(["other"]);
  await second.refresh(mine);
  expect(mine.absorbed).toHaveLength(1);
  // It has something of its own.
  await second.write(mine);
  expect(await stored()).toBe("mine");
});

test("two windows that write at the same time take turns", async () => {
  const kept = Array.from({ length: 8 }, (_, index) => titled(`${index}`));
  await Promise.all(kept.map((each) => create().write(each)));
  const all = kept.map(({ conversation }) => conversation.title);
  // Each has seen the one before it; the first saw nothing, and the last is in the file.
  const seen = kept.flatMap(({ absorbed }) => absorbed);
  expect(seen).toHaveLength(7);
  expect([...seen, await stored()].sort()).toEqual(all);
});

test("what is deleted is gone after what was being written, and may be written again", async () => {
  const created = create();
  const kept = titled("Why?");
  const written = created.write(kept);
  await created.delete(kept);
  await written;
  expect(await readdir(path.dirname(file))).toEqual([]);
  await created.write(kept);
  expect(await stored()).toBe("Why?");
});

test("what another window has deleted is written again when it has changed, and not before", async () => {
  const created = create();
  const kept = titled("Why?");
  await created.write(kept);
  await rm(file);
  await created.write(kept);
  await created.refresh(kept);
  await expect(readFile(file)).rejects.toThrow("ENOENT");
  kept.conversation = { ...kept.conversation, title: "Why not?" };
  await created.write(kept);
  expect(await stored()).toBe("Why not?");
});
