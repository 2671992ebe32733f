import { expect, test, vi } from "vitest";
import { CancellationToken, CancellationTokenSource } from "vscode-jsonrpc";
import { Cancelled } from "../engine/errors.js";
import { FakeModel, ignore, settings, setUp } from "../fakeEngine.js";
import { generationResult, withResolvers } from "../fixtures.js";

/** Answers each question when it is told to. */
function slowModel() {
  const model = new FakeModel();
  const asked: string[] = [];
  const answers = new Map<string, () => void>();
  model.chat = async (question) => {
    asked.push(question);
    const { promise, resolve } = withResolvers<void>();
    answers.set(question, () => resolve());
    await promise;
    return generationResult(`To ${question}`);
  };
  return { model, asked, answer: (question: string) => answers.get(question)?.() };
}
const ask = (text: string) => ({ messages: [{ role: "user" as const, text }] });

test("a second question waits its turn, is told so, and is answered", async () => {
  const { model, asked, answer } = slowModel();
  const { backend } = setUp(model);
  const waits: string[] = [];
  const [first, second] = ["first", "second"].map((text) =>
    backend.chat(ask(text), { onText: ignore, onWaiting: (waiting) => waits.push(`${text} ${waiting}`) }),
  );
  await vi.waitFor(() => expect(asked).toEqual(["first"]));
  expect(waits).toEqual(["second true"]);
  answer("first");
  expect(await first).toMatchObject({ text: "To first" });
  await vi.waitFor(() => expect(asked).toEqual(["first", "second"]));
  expect(waits).toEqual(["second true", "second false"]);
  answer("second");
  expect(await second).toMatchObject({ text: "To second" });
});

test("a question that waits can be stopped at once, and the one after it is answered", async () => {
  const { model, asked, answer } = slowModel();
  const { backend, engine } = setUp(model);
  const stop = new CancellationTokenSource();
  const first = backend.chat(ask("first"), { onText: ignore });
  const second = backend.chat(ask("second"), { onText: ignore }, stop.token);
  const third = backend.chat(ask("third"), { onText: ignore });
  await vi.waitFor(() => expect(asked).toEqual(["first"]));
  stop.cancel();
  await expect(second).rejects.toBeInstanceOf(Cancelled);
  expect(engine.state.kind).toBe("reading");
  answer("first");
  await first;
  await vi.waitFor(() => expect(asked).toEqual(["first", "third"]));
  answer("third");
  expect(await third).toMatchObject({ text: "To third" });
});

test("a question that waits is answered by the model of the settings of then", async () => {
  const { model, asked, answer } = slowModel();
  let current = settings;
  const { backend, engine } = setUp(model, () => current);
  const first = backend.chat(ask("first"), { onText: ignore });
  const second = backend.chat(ask("second"), { onText: ignore });
  await vi.waitFor(() => expect(asked).toEqual(["first"]));
  current = { ...settings, modelPath: "/models/b.gguf" };
  engine.settingsChanged();
  answer("first");
  await first;
  await vi.waitFor(() => expect(asked).toEqual(["first", "second"]));
  answer("second");
  await second;
  expect(model.loads.map(({ modelPath }) => modelPath)).toEqual([settings.modelPath, "/models/b.gguf"]);
});

test("memory is given up when it is its turn, and a question after that waits for it", async () => {
  const { model, asked, answer } = slowModel();
  const { backend, engine } = setUp(model);
  const first = backend.chat(ask("first"), { onText: ignore });
  const room = engine.leaseMemory("a", new AbortController().signal);
  const second = backend.chat(ask("second"), { onText: ignore });
  await vi.waitFor(() => expect(asked).toEqual(["first"]));
  answer("first");
  await first;
  const release = await room;
  expect(engine.state.kind).toBe("converting");
  expect(asked).toEqual(["first"]);
  release();
  await vi.waitFor(() => expect(asked).toEqual(["first", "second"]));
  answer("second");
  expect(await second).toMatchObject({ text: "To second" });
});

test("tokens are counted by the model, which is loaded for it", async () => {
  const { backend, model } = setUp();
  expect(backend.capabilities).toBeUndefined();
  expect(await backend.countTokens("let a = 1;")).toBe(4);
  expect(model.loads).toHaveLength(1);
  expect(await backend.limits(CancellationToken.None)).toEqual({ contextTokens: 4096 });
  expect(backend.capabilities).toEqual({ infill: true });
});

test("what a question needs to know of the model waits for another one that is chosen meanwhile", async () => {
  let current = settings;
  const { backend, engine, model } = setUp(new FakeModel(), () => current);
  const limits = backend.limits();
  const tokens = backend.countTokens("one two");
  current = { ...settings, modelPath: "/models/b.gguf" };
  engine.settingsChanged();
  expect(await Promise.all([limits, tokens])).toEqual([{ contextTokens: 4096 }, 2]);
  expect(model.loads.map(({ modelPath }) => modelPath)).toEqual(["/models/b.gguf"]);
});

test("the session of a question reaches the sidecar", async () => {
  const { backend, model } = setUp();
  await backend.chat({ ...ask("Hi"), sessionId: "chat 1" }, { onText: ignore });
  expect(model.sessions).toEqual(["chat 1"]);
});

test("a base model is not asked, and does inline suggestions all the same", async () => {
  const { backend, model } = setUp();
  const { load } = model;
  const chatNote = "A is a base model. Choose another one.";
  model.load = async (params, token) => ({ ...(await load(params, token)), chatTemplate: "none", chatNote });
  await expect(backend.chat(ask("Hi"), { onText: ignore })).rejects.toThrow(chatNote);
  model.complete = async () => generationResult("rest");
  expect(await backend.complete({ prefix: "a" }, CancellationToken.None)).toMatchObject({ text: "rest" });
});

test("a thought is told as it grows, and ended when a person wants the answer", async () => {
  const model = new FakeModel();
  const { promise: wanted, resolve: answerNow } = withResolvers<string>();
  model.progress = [{ kind: "thought", text: "Hm", tokens: 1, durationMs: 5, tokensPerSecond: 7 }];
  model.answerNow = answerNow;
  model.chat = async () => generationResult(`For ${await wanted}.`);
  const { backend } = setUp(model);
  const thoughts: unknown[] = [];
  const asked = backend.chat(
    { ...ask("Why?"), sessionId: "one" },
    {
      onText: ignore,
      onThought: (more) => {
        thoughts.push(more);
        void backend.answerNow("one");
      },
    },
  );
  expect(await asked).toMatchObject({ text: "For one." });
  expect(thoughts).toEqual([expect.objectContaining({ text: "Hm", tokens: 1, durationMs: 5 })]);
});
