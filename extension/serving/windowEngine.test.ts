import { expect, test } from "vitest";
import { EngineEnded } from "../../server/errors.js";
import { chat } from "../../server/generation.js";
import { settings, setUp } from "../fakeEngine.js";
import { withResolvers } from "../fixtures.js";
import { WindowEngine } from "./windowEngine.js";

const served = { id: "a", path: settings.modelPath, created: 0 };
const { signal } = new AbortController();

test("an answer is one of the window's, and shows in its state", async () => {
  const { engine, states } = setUp();
  const own = new WindowEngine(engine);
  expect(own.ready).toBeUndefined();
  const messages = [{ role: "user" as const, text: "Hi" }];
  const result = await own.use(served, signal, (ready) => chat(ready, { messages }, signal));
  expect(result.text).toBe("Echo: Hi");
  expect(states).toEqual(["loading", "ready", "reading", "answering", "ready"]);
  expect(own.ready?.model).toEqual(served);
  expect(engine.lastAnswer).toMatchObject({ tokensPerSecond: result.tokensPerSecond });
});

test("what is asked of a model beside an answer does not wait for it", async () => {
  const { engine } = setUp();
  const own = new WindowEngine(engine);
  const { promise, resolve } = withResolvers<void>();
  const { promise: begun, resolve: begin } = withResolvers<void>();
  const using = own.use(served, signal, async () => {
    begin();
    await promise;
  });
  await begun;
  expect(await own.consult(served, signal, async ({ loaded }) => loaded.contextTokens)).toBe(4096);
  resolve();
  await using;
});

test("a request whose engine is started anew is told so, and one that is given up fails with its reason", async () => {
  const { engine } = setUp();
  const own = new WindowEngine(engine);
  const never = new Promise<void>(() => undefined);
  const { promise: begun, resolve: begin } = withResolvers<void>();
  const using = own.use(served, signal, () => {
    begin();
    return never;
  });
  await begun;
  engine.restart();
  await expect(using).rejects.toBeInstanceOf(EngineEnded);
  const reason = new Error("gone");
  await expect(own.use(served, AbortSignal.abort(reason), async () => 1)).rejects.toBe(reason);
});
