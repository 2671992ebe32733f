/** Windows that share a store: those without a folder, or two of the same one. */
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Backend } from "../../backends/backend.js";
import { generationResult } from "../../fixtures.js";
import type { Conversations } from "./conversations.js";
import { echo, openConversations } from "./conversationsFixture.js";
import { WindowPlace } from "./windowPlace.js";

interface Window {
  conversations: Conversations;
  place: WindowPlace;
}

let storage: string;
let windows: Window[];
let merged: string[];
let chat: Backend["chat"];
beforeEach(async () => {
  storage = await mkdtemp(path.join(tmpdir(), "flint-windows-"));
  windows = [];
  merged = [];
  chat = echo;
});
afterEach(async () => {
  for (const window of [...windows]) await close(window);
  await rm(storage, { recursive: true });
});

async function open(): Promise<Window> {
  const place = await WindowPlace.take(storage, undefined, () => undefined);
  const conversations = await openConversations(storage, {
    window: place,
    chat: (...args) => chat(...args),
    onMerged: (title) => merged.push(title),
  });
  const window = { conversations, place };
  windows.push(window);
  return window;
}
async function close(window: Window): Promise<void> {
  windows.splice(windows.indexOf(window), 1);
  await window.conversations.store();
  await window.place.release();
  window.conversations.dispose();
}
const texts = ({ conversations }: Window) => conversations.current.messages.map(({ text }) => text);
async function ask({ conversations }: Window, text: string): Promise<void> {
  await conversations.current.ask(text);
  await conversations.store();
}
const titles = async ({ conversations }: Window) => (await conversations.list()).map(({ title }) => title);
const fileOf = (id: string) => path.join(storage, "conversations", `${id}.json`);
/** All that is in the files. */
async function stored(): Promise<string> {
  const folder = path.join(storage, "conversations");
  const names = await readdir(folder).catch((): string[] => []);
  return (await Promise.all(names.map((name) => readFile(path.join(folder, name), "utf8")))).join("\n");
}
/** Two windows that show the same conversation of one question. */
async function pair() {
  const first = await open();
  await ask(first, "Why?");
  const { id } = first.conversations.current;
  const second = await open();
  await second.conversations.open(id);
  return { first, second, id };
}

test("a second window begins anew, and takes nothing from the first one", async () => {
  const first = await open();
  await ask(first, "Why?");
  first.conversations.setDraft(first.conversations.current.id, { text: "And" });
  await first.conversations.store();
  const second = await open();
  expect(texts(second)).toEqual([]);
  second.conversations.setDraft(second.conversations.current.id, { text: "Or" });
  await ask(second, "Who?");
  await ask(first, "When?");
  expect(first.conversations.problem).toBeUndefined();
  expect(first.conversations.draft).toEqual({ text: "And" });
  // Each comes back as it was, in whatever order.
  await close(first);
  await close(second);
  const again = [await open(), await open()];
  expect(again.map(texts)).toEqual([
    ["Why?", "To Why?", "When?", "To When?"],
    ["Who?", "To Who?"],
  ]);
  expect(again.map(({ conversations }) => conversations.draft.text)).toEqual(["And", "Or"]);
});

test("a window does not come back to what another one shows by now", async () => {
  const { first, second, id } = await pair();
  await close(second);
  expect(first.conversations.current.id).toBe(id);
  expect(texts(await open())).toEqual([]);
});

test("to open a conversation, and to look at it, writes nothing", async () => {
  const first = await open();
  await ask(first, "Why?");
  const { id } = first.conversations.current;
  const { ino, mtimeMs } = await stat(fileOf(id));
  const second = await open();
  await second.conversations.open(id);
  expect(texts(second)).toEqual(["Why?", "To Why?"]);
  second.conversations.startNew();
  await second.conversations.list();
  await close(second);
  expect(await stat(fileOf(id))).toMatchObject({ ino, mtimeMs });
});

test("what both ask is in the file and in both windows, each with its own on show; that is said once", async () => {
  const { first, second, id } = await pair();
  await ask(second, "Who?");
  expect(merged).toEqual([]);
  await ask(first, "When?");
  expect(merged).toEqual(["Why?"]);
  expect(texts(first)).toEqual(["Why?", "To Why?", "When?", "To When?"]);
  await second.conversations.refresh();
  expect(texts(second)).toEqual(["Why?", "To Why?", "Who?", "To Who?"]);
  for (const { conversations } of [first, second]) {
    expect(conversations.current.versions(conversations.current.messages[2]?.id ?? "").ids).toHaveLength(2);
    expect(conversations.problem).toBeUndefined();
  }
  expect(await readFile(fileOf(id), "utf8")).toMatch(/To Who\?.*To When\?/s);
});

test("a window that is looked at again shows what was said in the other one, and goes on from there", async () => {
  const { first, second } = await pair();
  await ask(second, "Who?");
  await first.conversations.refresh();
  expect(texts(first)).toEqual(["Why?", "To Why?", "Who?", "To Who?"]);
  await ask(first, "When?");
  expect(texts(first)).toHaveLength(6);
  await second.conversations.refresh();
  expect(texts(second)).toEqual(texts(first));
  expect(merged).toEqual([]);
});

test("an answer that streams goes on while another window writes in the same conversation", async () => {
  const { first, second, id } = await pair();
  let finish: () => void = () => undefined;
  chat = async (_, { onText }) => {
    onText("Be");
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    onText("cause");
    return generationResult("");
  };
  const asked = first.conversations.current.ask("How?");
  await vi.waitFor(() => expect(texts(first).at(-1)).toBe("Be"));
  await first.conversations.store();
  chat = echo;
  await second.conversations.refresh();
  expect(second.conversations.current.messages.at(-1)).toMatchObject({ text: "Be", state: "stopped" });
  await second.conversations.rename(id, "Reasons");
  await ask(second, "Who?");
  await first.conversations.refresh();
  expect(texts(first).slice(2)).toEqual(["How?", "Be"]);
  finish();
  await asked;
  await first.conversations.store();
  expect(first.conversations.current.title).toBe("Reasons");
  expect(texts(first).slice(2)).toEqual(["How?", "Because", "Who?", "To Who?"]);
  expect(await readFile(fileOf(id), "utf8")).toMatch(/"Because".*Who\?/s);
});

test("a chat that another window shows is renamed, and that one goes on storing", async () => {
  const first = await open();
  await ask(first, "Why?");
  const { id } = first.conversations.current;
  const second = await open();
  await second.conversations.rename(id, "Reasons");
  await ask(first, "When?");
  expect(first.conversations.problem).toBeUndefined();
  expect(first.conversations.current.title).toBe("Reasons");
  expect(await titles(second)).toEqual(["Reasons"]);
  expect(await stored()).toContain("When?");
});

test("a chat that another window shows is deleted: it stays so until something is said there", async () => {
  const first = await open();
  await ask(first, "Why?");
  const { id } = first.conversations.current;
  const second = await open();
  const undo = await second.conversations.delete(id);
  await first.conversations.refresh();
  expect(await titles(first)).toEqual([]);
  expect(texts(first)).toEqual(["Why?", "To Why?"]);
  await ask(first, "When?");
  expect(await titles(second)).toEqual(["Why?"]);
  // It has come back with more: nothing of that goes.
  await undo();
  await second.conversations.open(id);
  expect(texts(second)).toEqual(["Why?", "To Why?", "When?", "To When?"]);
  expect(first.conversations.problem).toBeUndefined();
});

test("a deleted chat is put back with what another window had said in it last", async () => {
  const { first, second, id } = await pair();
  await ask(first, "When?");
  const undo = await second.conversations.delete(id);
  await undo();
  expect(await stored()).toContain("To When?");
  expect(texts(second)).toEqual(["Why?", "To Why?", "When?", "To When?"]);
});

const step = fc.record({
  window: fc.nat(1),
  what: fc.constantFrom("ask", "ask", "again", "new", "open", "rename", "refresh", "deleteQuestion", "restart"),
  which: fc.nat(5),
  waits: fc.boolean(),
});

test(
  "whatever two windows do, every question that was sent and every answer is in some file",
  { timeout: 120_000 },
  () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        await rm(path.join(storage, "conversations"), { recursive: true, force: true });
        const both = [await open(), await open()];
        const sent = new Set<string>();
        let count = 0;
        const running: Promise<unknown>[] = [];
        const act = async ({ window: index, what, which }: (typeof steps)[number]): Promise<void> => {
          const window = both[index];
          if (!window) return;
          const { conversations } = window;
          const summaries = await conversations.list();
          const { current } = conversations;
          const id = summaries[which % Math.max(1, summaries.length)]?.id;
          switch (what) {
            case "ask": {
              const text = `q${count++};`;
              await current.ask(text);
              sent.add(text).add(`To ${text}`);
              break;
            }
            case "again":
              await current.askAgain();
              break;
            case "new":
              conversations.startNew();
              break;
            case "open":
              if (id) await conversations.open(id);
              break;
            case "rename":
              if (id) await conversations.rename(id, `title ${which}`);
              break;
            case "refresh":
              await conversations.refresh();
              break;
            case "deleteQuestion": {
              // Undone at once: it must not take with it what the other window has said.
              const question = current.messages[0];
              if (question) current.delete(question.id);
              if (current.canUndo) current.undoDelete();
              break;
            }
            case "restart":
              await close(window);
              both[index] = await open();
              break;
          }
        };
        for (const each of steps) {
          running.push(act(each));
          // A window that is closed takes no questions.
          if (each.waits || steps.some(({ what }) => what === "restart")) await Promise.all(running);
        }
        await Promise.all(running);
        for (const { conversations } of both) {
          await conversations.store();
          expect(conversations.problem).toBeUndefined();
        }
        const all = await stored();
        for (const text of sent) expect(all).toContain(`"${text}"`);
        for (const window of both) await close(window);
      }),
      { numRuns: 10 },
    ),
);
