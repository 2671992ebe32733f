import { expect, test, vi } from "vitest";
import type { Message } from "../../../webview/messages.js";
import { PendingContext } from "./pending.js";
import { type ContextSource, NothingToAttach } from "./source.js";

/** As if each word were a token. */
const words = (text: string) => text.split(/\s+/).filter(Boolean).length;

function setUp({ loaded = true, contextTokens = 1000 } = {}) {
  const model = { loaded };
  const conversation: Message[] = [];
  /** Of the last prompt. */
  const read = { tokens: 0 };
  /** Indexes of messages that have no room. */
  const omitted: number[] = [];
  const pending = new PendingContext({
    backend: {
      get capabilities() {
        return model.loaded ? { infill: true } : undefined;
      },
      countTokens: async (text) => words(text),
      countPromptTokens: async (messages) => ({
        tokens: messages.slice(1).reduce((sum, { text }) => sum + words(text), 0),
        omittedMessages: omitted,
      }),
      limits: async () => ({ contextTokens }),
    },
    wait: (promptTokens, mostKept) => (promptTokens - Math.min(mostKept, read.tokens) > 500 ? "long" : undefined),
    conversation: () => conversation,
    log: (line) => {
      throw new Error(line);
    },
  });
  return { pending, model, conversation, read, omitted };
}

function source(key: string, text: () => string, uri?: string): ContextSource {
  const read = async () => {
    if (text() === "") throw new NothingToAttach("Empty.");
    return { attachments: [{ label: key, name: key, firstLine: 1, language: "text", text: text() }] };
  };
  return { key, label: key, icon: "file", uri, read };
}

const tokensOf = (pending: PendingContext) => pending.chips.map(({ tokens }) => tokens);

test("what is attached has its tokens counted, and so has the whole prompt", async () => {
  const { pending } = setUp();
  pending.setDraft("why is this");
  await pending.add(source("a", () => "one two"));
  expect(tokensOf(pending)).toEqual([undefined]);
  await vi.waitFor(() => expect(tokensOf(pending)).toEqual([2]));
  // The label, the fences and the language are part of it.
  await vi.waitFor(() => expect(pending.meter).toEqual({ promptTokens: 8, contextTokens: 1000 }));
});

test("the same is attached once, and what can't be read is not", async () => {
  const { pending } = setUp();
  await pending.add(source("a", () => "one"));
  await pending.add(source("a", () => "one two"));
  await expect(pending.add(source("b", () => ""))).rejects.toBeInstanceOf(NothingToAttach);
  expect(pending.chips.map(({ key }) => key)).toEqual(["a"]);
  await vi.waitFor(() => expect(tokensOf(pending)).toEqual([2]));
});

test("a document that changes is read again, and leaves when it is empty", async () => {
  const { pending } = setUp();
  let text = "one";
  await pending.add(source("a", () => text, "file:///a"));
  text = "one two three";
  await pending.documentChanged("file:///b");
  await pending.documentChanged("file:///a");
  await vi.waitFor(() => expect(tokensOf(pending)).toEqual([3]));
  text = "";
  await pending.documentChanged("file:///a");
  expect(pending.chips).toEqual([]);
});

test("what is left out is said before it is sent, and is what is left out", async () => {
  const { pending } = setUp({ contextTokens: 6 });
  await pending.add(source("a", () => "one two\nthree\nfour"));
  const omitted = "Only half of the context is for attachments: line 3 is left out.";
  await vi.waitFor(() => expect(pending.chips).toMatchObject([{ tokens: 3, omitted }]));
  expect(pending.take()).toMatchObject([{ text: "one two\nthree", tokens: 3, omitted }]);
  expect(pending.chips).toEqual([]);
});

test("without a model nothing is counted; when it is there everything is", async () => {
  const { pending, model } = setUp({ loaded: false });
  await pending.add(source("a", () => "one two"));
  pending.setDraft("why");
  expect(pending.meter).toBeUndefined();
  model.loaded = true;
  pending.modelChanged();
  await vi.waitFor(() => expect(tokensOf(pending)).toEqual([2]));
  expect(pending.meter?.contextTokens).toBe(1000);
});

test("another version of a question is counted in its place, with what was attached to it", async () => {
  const { pending, conversation } = setUp();
  const attachments = [{ label: "a", name: "a", firstLine: 1, language: "text", text: "one two" }];
  conversation.push(
    { id: "1", role: "user", text: "why", attachments: [] },
    { id: "2", role: "assistant", text: "so it is", state: "done" },
    { id: "3", role: "user", text: "and now", attachments },
    { id: "4", role: "assistant", text: "that is all", state: "done" },
  );
  pending.setDraft("again", "3");
  await vi.waitFor(() => expect(pending.meter?.promptTokens).toBe(1 + 3 + 5 + 1));
  pending.setDraft("again");
  await vi.waitFor(() => expect(pending.meter?.promptTokens).toBe(1 + 3 + 5 + 2 + 3 + 1));
});

test("removes by id and by key, and forgets what was sent", async () => {
  const { pending } = setUp();
  for (const key of ["a", "b", "c"]) await pending.add(source(key, () => key));
  pending.remove("a");
  pending.remove(pending.chips[0]?.id ?? "");
  expect(pending.chips.map(({ key }) => key)).toEqual(["c"]);
  expect(pending.has("c")).toBe(true);
  expect(pending.take()).toHaveLength(1);
  expect(pending.take()).toEqual([]);
});

test("what was attached before a restart is attached again, counted, and followed where it is a document", async () => {
  const { pending } = setUp();
  const changes: number[] = [];
  pending.onDidAttach(() => changes.push(pending.attached.length));
  let text = "one two";
  const file = source("file:///a", () => text, "file:///a");
  pending.restore([
    { source: file, content: await file.read() },
    { source: source("lines", () => "three"), content: await source("lines", () => "three").read() },
  ]);
  await vi.waitFor(() => expect(tokensOf(pending)).toEqual([2, 1]));
  text = "one two three";
  await pending.documentChanged("file:///a");
  await vi.waitFor(() => expect(tokensOf(pending)).toEqual([3, 1]));
  expect(pending.take().map((attachment) => attachment.text)).toEqual(["one two three", "three"]);
  expect(changes).toEqual([2, 2, 0]);
});

test("a wait is told of a question, not of an empty input", async () => {
  const { pending, conversation } = setUp({ contextTokens: 4000 });
  conversation.push({ id: "1", role: "user", text: "word ".repeat(600), attachments: [] });
  pending.recount();
  await vi.waitFor(() => expect(pending.meter?.promptTokens).toBe(600));
  expect(pending.meter?.wait).toBeUndefined();
  pending.setDraft("why");
  await vi.waitFor(() => expect(pending.meter?.wait).toBe("long"));
});

test("a wait is told where less stays of the prompt before than the model has read", async () => {
  const { pending, conversation, read, omitted } = setUp({ contextTokens: 4000 });
  conversation.push(
    { id: "1", role: "user", text: "why", attachments: [] },
    { id: "2", role: "assistant", text: "word ".repeat(600), state: "done" },
    { id: "3", role: "user", text: "and now", attachments: [] },
    { id: "4", role: "assistant", text: "word ".repeat(600), state: "done" },
  );
  read.tokens = 1203;
  pending.setDraft("again");
  await vi.waitFor(() => expect(pending.meter?.promptTokens).toBe(1204));
  expect(pending.meter?.wait).toBeUndefined();
  // Another version of the first question has nothing in common with what was read.
  pending.setDraft("word ".repeat(501), "1");
  await vi.waitFor(() => expect(pending.meter?.promptTokens).toBe(501));
  expect(pending.meter?.wait).toBe("long");
  // Where the oldest question leaves, what stays is read again.
  omitted.push(1, 2);
  pending.setDraft("again and again");
  await vi.waitFor(() => expect(pending.meter?.seenFrom).toBe("3"));
  expect(pending.meter?.wait).toBe("long");
});

test("what is not read of a folder is told before and after it is sent, also while nothing is counted", async () => {
  const { pending } = setUp({ loaded: false });
  const omitted = "Only the first 2 of 900 files were read.";
  const folder = {
    ...source("folder", () => "a"),
    read: async () => ({
      attachments: ["a", "b"].map((name) => ({ label: name, name, firstLine: 1, language: "text", text: name })),
      omitted,
    }),
  };
  await pending.add(folder);
  expect(pending.chips).toMatchObject([{ tokens: undefined, omitted }]);
  expect(pending.take().map((attachment) => attachment.omitted)).toEqual([undefined, omitted]);
});
