import { expect, test, vi } from "vitest";
import type { CancellationToken } from "vscode-jsonrpc";
import type { ChatMessage, Plan } from "../../engine-native/protocol.js";
import type { Message } from "../../webview/messages.js";
import { Cancelled, EngineStopped } from "../engine/errors.js";
import { generationResult, plan } from "../fixtures.js";
import { type Answerer, ChatSession } from "./session.js";

function setUp(chat: Answerer["chat"], { stored = [], loaded }: { stored?: Message[]; loaded?: { plan: Plan } } = {}) {
  const written: (readonly Message[])[] = [];
  const session = new ChatSession({
    engine: { chat, loaded },
    store: {
      messages: stored,
      write: (messages) => {
        written.push(messages);
        return Promise.resolve();
      },
    },
    toProblem: (error) => ({ message: String(error), actions: [] }),
    log: () => undefined,
  });
  return { session, written };
}

/** Streams "Half" and then waits to be cancelled. */
const endless: Answerer["chat"] = (_, onText, token: CancellationToken) => {
  onText("Half");
  return new Promise((resolve) => token.onCancellationRequested(() => resolve(generationResult("Half", "cancelled"))));
};

test("streams an answer and stores the conversation", async () => {
  const { session, written } = setUp(async (_, onText) => {
    onText("Be");
    onText("cause.");
    return generationResult("Because.");
  });
  const streamed: string[] = [];
  session.onDidStream(({ text }) => streamed.push(text));
  await session.ask("Why?");
  expect(streamed).toEqual(["Be", "cause."]);
  expect(session.messages).toMatchObject([
    { role: "user", text: "Why?" },
    { role: "assistant", text: "Because.", state: "done", detail: "10.0 tokens/s" },
  ]);
  expect(written.at(-1)).toEqual(session.messages);
});

test("an answer that the disk held up says so", async () => {
  const measured = {
    diskBytesPerSecond: 3e9,
    computeBytesPerSecond: 30e9,
    usedBytesPerToken: 4e9,
    readBytesPerToken: 2e9,
  };
  const slow = {
    readBytes: 9e9,
    readBytesPerToken: 9e7,
    wastedBytesPerToken: 0,
    readsPerToken: 9,
    diskBytesPerSecond: 1e8,
    hitRate: 0,
  };
  const { session } = setUp(async () => ({ ...generationResult("Because."), flash: slow }), {
    loaded: { plan: { ...plan, measured } },
  });
  await session.ask("Why?");
  expect(session.messages.at(-1)).toMatchObject({
    detail: expect.stringMatching(/^10\.0 tokens\/s · the disk is slow/),
  });
});

test("a stopped answer keeps its text", async () => {
  const { session } = setUp(endless);
  const asked = session.ask("Why?");
  session.stop();
  await asked;
  expect(session.messages.at(-1)).toMatchObject({ text: "Half", state: "stopped" });
});

test("stopping while the model loads is no error", async () => {
  const { session } = setUp(() => Promise.reject(new Cancelled()));
  await session.ask("Why?");
  expect(session.messages.at(-1)).toMatchObject({ text: "", state: "stopped" });
});

test("a crash keeps the half answer, says so, and offers to ask again", async () => {
  const crash = new EngineStopped("signal 11");
  crash.restarted = Promise.resolve(true);
  const { session } = setUp(async (_, onText) => {
    onText("Half");
    throw crash;
  });
  await session.ask("Why?");
  await vi.waitFor(() =>
    expect(session.messages.at(-1)).toMatchObject({
      text: "Half",
      state: "error",
      problem: {
        message: "The engine stopped (signal 11). Restarted. Ask again?",
        actions: [{ label: "Ask again", action: { kind: "askAgain" } }],
      },
    }),
  );
});

test("asking again replaces the answer", async () => {
  const prompts: ChatMessage[][] = [];
  const { session } = setUp(async ({ messages }) => {
    prompts.push(messages);
    return generationResult(`Answer ${prompts.length}`);
  });
  await session.ask("Why?");
  await session.askAgain();
  expect(session.messages).toMatchObject([{ text: "Why?" }, { text: "Answer 2" }]);
  expect(prompts).toEqual([[{ role: "user", text: "Why?" }], [{ role: "user", text: "Why?" }]]);
});

test("a question about code gives the model the code, and the person their words", async () => {
  const prompts: ChatMessage[][] = [];
  const { session } = setUp(async ({ messages }) => {
    prompts.push(messages);
    return generationResult("It is.");
  });
  const about = { label: "a.ts 1–2", language: "typescript", text: "let a;\nlet b;" };
  await session.ask("Is it right?", { about });
  expect(session.messages[0]).toMatchObject({ text: "Is it right?", attachment: about });
  expect(prompts[0]?.[0]?.text).toBe("a.ts 1–2:\n\n```typescript\nlet a;\nlet b;\n```\n\nIs it right?");
});

test("a question in place of another takes away all that came after it", async () => {
  const { session } = setUp(async ({ messages }) => generationResult(`To ${messages.at(-1)?.text}`));
  for (const text of ["One", "Two", "Three"]) await session.ask(text);
  await session.ask("Second", { replaces: session.messages[2]?.id });
  expect(session.messages.map(({ text }) => text)).toEqual(["One", "To One", "Second", "To Second"]);
});

test("deleting takes a question and its answer away, but not while one is being answered", async () => {
  let calls = 0;
  const { session, written } = setUp((...args) =>
    calls++ < 2 ? Promise.resolve(generationResult("Yes.")) : endless(...args),
  );
  for (const text of ["One", "Two"]) await session.ask(text);
  session.delete(session.messages[0]?.id ?? "");
  expect(session.messages.map(({ text }) => text)).toEqual(["Two", "Yes."]);
  expect(written.at(-1)).toEqual(session.messages);
  const asked = session.ask("Three");
  session.delete(session.messages[0]?.id ?? "");
  session.stop();
  await asked;
  expect(session.messages.map(({ text }) => text)).toEqual(["Two", "Yes.", "Three", "Half"]);
});

test("questions that got no answer are not part of the next prompt", async () => {
  const prompts: ChatMessage[][] = [];
  const { session } = setUp(async ({ messages }) => {
    prompts.push(messages);
    if (prompts.length === 1) throw new Error("no");
    return generationResult("Yes.");
  });
  await session.ask("First?");
  await session.ask("Second?");
  expect(prompts[1]).toEqual([{ role: "user", text: "Second?" }]);
});

test("a question right after a new chat waits for the old answer to end, and is not lost", async () => {
  let calls = 0;
  const { session } = setUp((...args) =>
    calls++ === 0 ? endless(...args) : Promise.resolve(generationResult("Second.")),
  );
  const first = session.ask("First?");
  session.clear();
  await Promise.all([first, session.ask("Second?")]);
  expect(session.messages).toMatchObject([{ text: "Second?" }, { text: "Second.", state: "done" }]);
});

test("what was streaming when the window closed is restored as stopped", () => {
  const { session } = setUp(endless, {
    stored: [
      { id: "1", role: "user", text: "Why?" },
      { id: "2", role: "assistant", text: "Bec", state: "streaming" },
    ],
  });
  expect(session.messages).toMatchObject([{ text: "Why?" }, { text: "Bec", state: "stopped" }]);
});
