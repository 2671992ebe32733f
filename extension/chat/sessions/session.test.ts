import { expect, test, vi } from "vitest";
import type { ChatMessage } from "../../../protocol/messages.js";
import type { Backend } from "../../backends/backend.js";
import { Cancelled, EngineStopped } from "../../engine/errors.js";
import { generationResult, withResolvers } from "../../fixtures.js";
import { about, endless, setUp, withoutSystemPrompt } from "./sessionFixture.js";

test("streams an answer and stores the conversation", async () => {
  const { session, written } = setUp(async (_, { onText }) => {
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
  expect(written.at(-1)).toEqual(session.conversation);
  expect(session.title).toBe("Why?");
});

test("an answer that the disk held up says so", async () => {
  const measured = {
    diskBytesPerSecond: 3e9,
    computeBytesPerSecond: 30e9,
    checkBytesPerSecond: 60e9,
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
    measured,
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
  const { session } = setUp(async (_, { onText }) => {
    onText("Half");
    throw crash;
  });
  await session.ask("Why?");
  await vi.waitFor(() =>
    expect(session.messages.at(-1)).toMatchObject({
      text: "Half",
      state: "error",
      problem: {
        message: "The engine stopped (signal 11). It was restarted. Ask again?",
        actions: [{ label: "Ask again", action: { kind: "askAgain" } }],
      },
    }),
  );
});

test("asking again makes another answer, and the first can be had back", async () => {
  const prompts: ChatMessage[][] = [];
  const { session } = setUp(async ({ messages }) => {
    prompts.push(withoutSystemPrompt(messages));
    return generationResult(`Answer ${prompts.length}`);
  });
  await session.ask("Why?");
  await session.askAgain();
  expect(session.messages).toMatchObject([{ text: "Why?" }, { text: "Answer 2" }]);
  const { ids, index } = session.versions(session.messages[1]?.id ?? "");
  expect([ids.length, index]).toEqual([2, 1]);
  session.showVersion(ids[0] ?? "");
  expect(session.messages).toMatchObject([{ text: "Why?" }, { text: "Answer 1" }]);
  expect(prompts).toEqual([[{ role: "user", text: "Why?" }], [{ role: "user", text: "Why?" }]]);
});

test("a question about code gives the model the code, and the person their words", async () => {
  const prompts: ChatMessage[][] = [];
  const { session } = setUp(async ({ messages }) => {
    prompts.push(withoutSystemPrompt(messages));
    return generationResult("It is.");
  });
  const about = { label: "a.ts 1–2", name: "a.ts", firstLine: 1, language: "typescript", text: "let a;\nlet b;" };
  await session.ask("Is it right?", { attachments: [about] });
  expect(session.messages[0]).toMatchObject({ text: "Is it right?", attachments: [{ ...about, tokens: 4 }] });
  expect(prompts[0]?.[0]?.text).toBe("a.ts 1–2:\n\n```typescript\nlet a;\nlet b;\n```\n\nIs it right?");
});

test("a changed question begins a branch; what came after the first one can be had back", async () => {
  const { session } = setUp(async ({ messages }) => generationResult(`To ${messages.at(-1)?.text}`));
  for (const text of ["One", "Two", "Three"]) await session.ask(text);
  await session.ask("Second", { replaces: session.messages[2]?.id });
  expect(session.messages.map(({ text }) => text)).toEqual(["One", "To One", "Second", "To Second"]);
  session.showVersion(session.versions(session.messages[2]?.id ?? "").ids[0] ?? "");
  expect(session.messages.map(({ text }) => text)).toEqual(["One", "To One", "Two", "To Two", "Three", "To Three"]);
});

test("an answer without a word is no version of its own", async () => {
  let calls = 0;
  const { session } = setUp(async () => {
    if (calls++ === 0) throw new Error("no");
    return generationResult("Yes.");
  });
  await session.ask("Why?");
  await session.askAgain();
  expect(session.versions(session.messages[1]?.id ?? "").ids).toHaveLength(1);
});

test("a question that is asked while another is answered waits, can be changed, and is asked then", async () => {
  const answers = new Map<string, () => void>();
  const { session, written } = setUp(async ({ messages }) => {
    const text = messages.at(-1)?.text ?? "";
    await new Promise<void>((resolve) => answers.set(text, resolve));
    return generationResult(`To ${text}`);
  });
  void session.ask("One");
  await session.ask("Two");
  await session.ask("Three");
  expect(session.queue.map(({ text }) => text)).toEqual(["Two", "Three"]);
  expect(written.at(-1)?.queue).toHaveLength(2);
  session.changeQueued(session.queue[0]?.id ?? "", "Second");
  session.removeQueued(session.queue[1]?.id ?? "");
  answers.get("One")?.();
  await vi.waitFor(() => expect(answers.has("Second")).toBe(true));
  expect(session.queue).toEqual([]);
  answers.get("Second")?.();
  await vi.waitFor(() => expect(session.isAnswering).toBe(false));
  expect(session.messages.map(({ text }) => text)).toEqual(["One", "To One", "Second", "To Second"]);
});

test("what waits is not asked by itself after an answer was stopped, but when a person says so", async () => {
  let calls = 0;
  const { session } = setUp((...args) =>
    calls++ === 0 ? endless(...args) : Promise.resolve(generationResult("Second.")),
  );
  const first = session.ask("One");
  await session.ask("Two", { attachments: [about] });
  session.stop();
  await first;
  expect(session.queue).toHaveLength(1);
  await session.sendQueued(session.queue[0]?.id ?? "");
  expect(session.messages).toMatchObject([
    { text: "One" },
    { text: "Half", state: "stopped" },
    { text: "Two", attachments: [{ label: "a.ts" }] },
    { text: "Second." },
  ]);
});

test("what waits can be asked in place of what is being answered", async () => {
  let calls = 0;
  const { session } = setUp((...args) =>
    calls++ === 0 ? endless(...args) : Promise.resolve(generationResult("Second.")),
  );
  void session.ask("One");
  await session.ask("Two");
  await session.sendQueued(session.queue[0]?.id ?? "");
  expect(session.messages.map(({ text }) => text)).toEqual(["One", "Half", "Two", "Second."]);
});

test("a half answer is continued where it ended", async () => {
  const prompts: ChatMessage[][] = [];
  const { session } = setUp(async ({ messages }, { onText }) => {
    prompts.push(messages);
    const text = prompts.length === 1 ? "One, two" : ", three.";
    onText(text);
    return generationResult(text, prompts.length === 1 ? "length" : "stop");
  });
  await session.ask("Count.");
  expect(session.messages.at(-1)).toMatchObject({ state: "done", finishReason: "length" });
  await session.continueAnswer();
  expect(session.messages).toMatchObject([{ text: "Count." }, { text: "One, two, three.", state: "done" }]);
  expect(session.messages.at(-1)).not.toHaveProperty("finishReason", "length");
  expect(prompts[1]?.slice(1)).toEqual([
    { role: "user", text: "Count." },
    { role: "assistant", text: "One, two" },
  ]);
});

test("that an answer has ended by itself is told, with how long it took", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    let calls = 0;
    const { session } = setUp((...args) => {
      vi.advanceTimersByTime(21_000);
      if (calls++ === 1) return Promise.reject(new Error("no"));
      return calls > 2 ? endless(...args) : Promise.resolve(generationResult("Yes."));
    });
    const ends: unknown[] = [];
    session.onDidAnswer((end) => ends.push(end));
    await session.ask("One");
    await session.ask("Two");
    const stopped = session.ask("Three");
    session.stop();
    await stopped;
    expect(ends).toEqual([
      { id: "first", title: "One", failed: false, elapsedMs: 21_000 },
      { id: "first", title: "One", failed: true, elapsedMs: 21_000 },
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test("a continued answer that is stopped again keeps all of its text", async () => {
  const { session } = setUp(endless);
  for (const go of [() => session.ask("Why?"), () => session.continueAnswer()]) {
    const gone = go();
    session.stop();
    await gone;
  }
  expect(session.messages.at(-1)).toMatchObject({ text: "HalfHalf", state: "stopped" });
});

test("deleting takes a question and its answer away, but not while one is being answered", async () => {
  let calls = 0;
  const { session, written } = setUp((...args) =>
    calls++ < 2 ? Promise.resolve(generationResult("Yes.")) : endless(...args),
  );
  for (const text of ["One", "Two"]) await session.ask(text);
  session.delete(session.messages[0]?.id ?? "");
  expect(session.messages.map(({ text }) => text)).toEqual(["Two", "Yes."]);
  session.undoDelete();
  expect(session.messages.map(({ text }) => text)).toEqual(["One", "Yes.", "Two", "Yes."]);
  session.delete(session.messages[0]?.id ?? "");
  expect(session.canUndo).toBe(true);
  expect(written.at(-1)).toEqual(session.conversation);
  const asked = session.ask("Three");
  session.delete(session.messages[0]?.id ?? "");
  session.stop();
  await asked;
  expect(session.messages.map(({ text }) => text)).toEqual(["Two", "Yes.", "Three", "Half"]);
});

test("questions that got no answer are not part of the next prompt", async () => {
  const prompts: ChatMessage[][] = [];
  const { session } = setUp(async ({ messages }) => {
    prompts.push(withoutSystemPrompt(messages));
    if (prompts.length === 1) throw new Error("no");
    return generationResult("Yes.");
  });
  await session.ask("First?");
  await session.ask("Second?");
  expect(prompts[1]).toEqual([{ role: "user", text: "Second?" }]);
});

test("what was streaming when the window closed is restored as stopped", () => {
  const { session } = setUp(endless, {
    stored: [
      { id: "1", role: "user", text: "Why?", attachments: [] },
      { id: "2", role: "assistant", text: "Bec", state: "streaming" },
    ],
  });
  expect(session.messages).toMatchObject([{ text: "Why?" }, { text: "Bec", state: "stopped" }]);
});

test("what does not fit in half of the context is cut, and says so", async () => {
  const prompts: ChatMessage[][] = [];
  const answer: Backend["chat"] = async ({ messages }) => {
    prompts.push(withoutSystemPrompt(messages));
    return generationResult("It is.");
  };
  const { session } = setUp(answer, { contextTokens: 7 });
  await session.ask("Is it right?", { attachments: [about] });
  expect(session.messages[0]).toMatchObject({
    attachments: [
      {
        label: "a.ts 1–2",
        text: "one two\nthree",
        tokens: 3,
        omitted: "Only half of the context is for attachments: line 3 is left out.",
      },
    ],
  });
  expect(prompts[0]?.[0]?.text).toBe("a.ts 1–2:\n\n```typescript\none two\nthree\n```\n\nIs it right?");
});

test("while tokens are counted the question is there, and can be stopped", async () => {
  const counting = withResolvers<void>();
  const countTokens: Backend["countTokens"] = (_, token) =>
    new Promise((_, reject) => {
      token.onCancellationRequested(() => reject(new Cancelled()));
      counting.resolve();
    });
  const { session } = setUp(() => expect.fail("It was asked."), { countTokens });
  const asked = session.ask("Is it right?", { attachments: [about] });
  await counting.promise;
  expect(session.messages).toMatchObject([{ attachments: [about] }, { state: "streaming" }]);
  session.stop();
  await asked;
  expect(session.messages.at(-1)).toMatchObject({ text: "", state: "stopped" });
});

test("an answer that waits its turn says so until that has come", async () => {
  const details: (string | undefined)[] = [];
  const { session } = setUp(async (_, { onWaiting }) => {
    onWaiting?.(true);
    onWaiting?.(false);
    return generationResult("Because.");
  });
  session.onDidChange(() => {
    const last = session.messages.at(-1);
    if (last?.role === "assistant") details.push(last.detail);
  });
  await session.ask("Why?");
  expect(details).toEqual([undefined, "Waiting for another answer to finish", undefined, "10.0 tokens/s"]);
});

test("a question names its session", async () => {
  const sessions: (string | undefined)[] = [];
  const { session } = setUp(async ({ sessionId }) => {
    sessions.push(sessionId);
    return generationResult("Yes.");
  });
  await session.ask("One");
  await session.ask("Two");
  expect(sessions).toEqual(["first", "first"]);
});

test("an answer tells from which message on the model saw the conversation", async () => {
  let answers = 0;
  const { session } = setUp(async () => {
    // The first question was never answered: it is in no prompt.
    if (answers++ === 0) throw new Error("no");
    return { ...generationResult("Yes."), omittedMessages: answers === 4 ? [1, 2] : [] };
  });
  for (const text of ["Zero", "One", "Two", "Three"]) await session.ask(text);
  const seenFrom = session.messages.map((message) => message.role === "assistant" && message.seenFrom);
  expect(seenFrom.filter(Boolean)).toEqual([session.messages.find(({ text }) => text === "Two")?.id]);
  expect(session.messages.at(-1)).toHaveProperty("seenFrom", seenFrom.at(-1));
});
