import { expect, onTestFinished, test, vi } from "vitest";
import { CancellationToken, CancellationTokenSource, ResponseError } from "vscode-jsonrpc";
import { ErrorCode } from "../../protocol/messages.js";
import { FakeModel, ignore, settings, setUp, untilCancelled } from "../fakeEngine.js";
import { generationResult, plan } from "../fixtures.js";
import { Cancelled, EngineStopped, InvalidSetting, NoModel } from "./errors.js";
import type { EngineSettings } from "./state.js";

test("loads at the first question, streams the answer, and is ready again", async () => {
  const { engine, model, states, chat } = setUp();
  expect(engine.state.kind).toBe("idle");
  const pieces: string[] = [];
  await expect(chat("Hi", (text) => pieces.push(text))).resolves.toMatchObject({ text: "Echo: Hi" });
  expect(pieces).toEqual(["Echo: ", "Hi"]);
  expect(states).toEqual(["loading", "ready", "reading", "answering", "ready"]);
  expect(model.loads).toMatchObject([{ ...settings, engine: "flash" }]);
  expect(engine.lastAnswer?.tokensPerSecond).toBe(10);
});

test("a disk that gives nothing is told until it gives again, in a prompt and in an answer", async () => {
  const model = new FakeModel();
  model.progress = [
    { kind: "disk", stalledMs: 2000 },
    { kind: "prompt", readTokens: 1, totalTokens: 2 },
    { kind: "disk", stalledMs: 0 },
    { kind: "text", text: "", tokens: [], tokensPerSecond: 7 },
    { kind: "disk", stalledMs: 3000 },
  ];
  const { engine, chat } = setUp(model);
  const silences: (number | undefined)[] = [];
  engine.onDidChangeState((state) => {
    if (state.kind === "reading" || state.kind === "answering") silences.push(state.stalledMs);
  });
  await chat("Hi", () => undefined);
  // The beginning, the reports, and the two pieces of the answer.
  expect(silences).toEqual([undefined, undefined, 2000, 2000, undefined, undefined, 3000, undefined, undefined]);
});

test("all who wait for a load share one", async () => {
  const { engine, model } = setUp();
  await Promise.all([engine.load(), engine.load()]);
  await engine.load();
  expect(model.loads).toHaveLength(1);
});

test("the plan is known before the model is loaded, and forgotten with it", async () => {
  const model = new FakeModel();
  let chosen: EngineSettings | undefined = settings;
  let begun = ignore;
  const beginning = new Promise<void>((resolve) => {
    begun = resolve;
  });
  model.load = async (_, token) => {
    begun();
    await untilCancelled(token);
    throw new ResponseError(ErrorCode.InvalidState, "Cancelled.");
  };
  const { engine } = setUp(model, () => chosen);
  const cancellation = new CancellationTokenSource();
  const load = engine.load(cancellation.token);
  await beginning;
  expect(engine.state.kind).toBe("loading");
  expect(engine.plan).toEqual(plan);
  cancellation.cancel();
  await expect(load).rejects.toBeInstanceOf(Cancelled);
  chosen = undefined;
  engine.settingsChanged();
  expect(engine.plan).toBeUndefined();
});

test("without a model there is nothing to load", async () => {
  const { engine, started } = setUp(new FakeModel(), () => undefined);
  expect(engine.state.kind).toBe("empty");
  await expect(engine.load()).rejects.toBeInstanceOf(NoModel);
  expect(started).toHaveLength(0);
});

test("a setting that makes no sense is a failure until it is put right", async () => {
  let cap = "nonsense";
  const { engine } = setUp(new FakeModel(), () => {
    if (cap === "nonsense") throw new InvalidSetting("flint.ramCap", "No.");
    return settings;
  });
  expect(engine.state.kind).toBe("failed");
  await expect(engine.load()).rejects.toBeInstanceOf(InvalidSetting);
  cap = "4GiB";
  engine.settingsChanged();
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
});

test("a refusal keeps its code and data", async () => {
  const model = new FakeModel();
  model.load = async () => {
    throw new ResponseError(ErrorCode.DoesNotFit, "No.", {
      minimumCapBytes: 3e9,
      maximumContext: 0,
      contextTokens: 512,
    });
  };
  const { states, chat } = setUp(model);
  await expect(chat("Hi", ignore)).rejects.toMatchObject({ code: 3, data: { minimumCapBytes: 3e9 } });
  expect(states).toEqual(["loading", "failed"]);
});

test("stopping ends an answer with what there is, and a load with nothing", async () => {
  const model = new FakeModel();
  model.chat = async (_, say, token) => {
    await say("Half");
    await untilCancelled(token);
    return generationResult("Half", "cancelled");
  };
  const { engine, chat } = setUp(model);
  const first = new CancellationTokenSource();
  const answer = chat("Hi", () => first.cancel(), first.token);
  await expect(answer).resolves.toMatchObject({ text: "Half", finishReason: "cancelled" });

  model.load = async (_, token) => {
    await untilCancelled(token);
    throw new ResponseError(-32800, "cancelled");
  };
  const second = new CancellationTokenSource();
  engine.restart();
  const stopped = chat("Hi", ignore, second.token);
  second.cancel();
  await expect(stopped).rejects.toBeInstanceOf(Cancelled);
  await vi.waitFor(() => expect(engine.state.kind).toBe("idle"));
});

test("a crash ends the answer, and the engine comes back with the model", async () => {
  const model = new FakeModel();
  model.chat = (_, say) => say("Half").then(() => new Promise(ignore));
  const { engine, started, crash, chat } = setUp(model);
  const crashes: EngineStopped[] = [];
  engine.onDidCrash((stop) => crashes.push(stop));
  const error: unknown = await chat("Hi", () => crash()).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EngineStopped);
  expect(error).toMatchObject({ message: "The engine stopped (signal 11)." });
  expect(crashes).toEqual([error]);
  await expect(crashes[0]?.restarted).resolves.toBe(true);
  expect(engine.state.kind).toBe("ready");
  expect(started).toHaveLength(2);
});

test("the third crash in a row leaves it off, until it is restarted by hand", async () => {
  const { engine, started, crash } = setUp();
  let seen = 0;
  engine.onDidCrash(() => seen++);
  await engine.load();
  for (let crashes = 1; crashes <= 3; crashes++) {
    crash();
    await vi.waitFor(() => expect(seen).toBe(crashes));
    await vi.waitFor(() => expect(engine.state.kind).toBe(crashes < 3 ? "ready" : "failed"));
  }
  expect(started).toHaveLength(3);
  expect(engine.crash?.how).toBe("signal 11");
  engine.restart();
  expect(engine.crash).toBeUndefined();
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
  expect(started).toHaveLength(4);
});

test("other settings load again, the same ones don't", async () => {
  let current = settings;
  const { engine, model } = setUp(new FakeModel(), () => current);
  await engine.load();
  engine.settingsChanged();
  expect(engine.state.kind).toBe("ready");
  current = { ...settings, contextTokens: 2048 };
  engine.settingsChanged();
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
  expect(model.loads).toMatchObject([settings, { contextTokens: 2048 }]);
});

test("another model is loaded although the one before never ends to load", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let current = settings;
  const model = new FakeModel();
  const { load } = model;
  let stuck = false;
  model.load = (params, token) => {
    if (params.modelPath !== settings.modelPath) return load(params, token);
    stuck = true;
    return new Promise(ignore);
  };
  const { engine, started } = setUp(model, () => current);
  const first = engine.load();
  first.catch(ignore);
  await vi.waitFor(() => expect(stuck).toBe(true));
  current = { ...settings, modelPath: "/models/b.gguf" };
  engine.settingsChanged();
  await vi.advanceTimersByTimeAsync(5000);
  await expect(first).rejects.toBeInstanceOf(Cancelled);
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
  expect(started).toHaveLength(2);
  expect(model.loads.map(({ modelPath }) => modelPath)).toEqual(["/models/b.gguf"]);
});

test("settings that change during an answer wait for its end", async () => {
  let current = settings;
  const { engine, model, chat } = setUp(new FakeModel(), () => current);
  await chat("Hi", () => {
    current = { ...settings, ramCapBytes: 2e9 };
    engine.settingsChanged();
    expect(engine.state.kind).toBe("answering");
  });
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
  expect(model.loads.map(({ ramCapBytes }) => ramCapBytes)).toEqual([1e9, 2e9]);
});

test("an inline suggestion never waits, and makes way for a question", async () => {
  const { engine, chat, backend } = setUp();
  expect(await backend.complete({ prefix: "a" }, CancellationToken.None)).toBeUndefined();
  await engine.load();
  const suggestion = backend.complete({ prefix: "a" }, CancellationToken.None);
  const answer = chat("Hi", ignore);
  expect(await backend.complete({ prefix: "b" }, CancellationToken.None)).toBeUndefined();
  await expect(suggestion).resolves.toMatchObject({ finishReason: "cancelled" });
  await expect(answer).resolves.toMatchObject({ finishReason: "stop" });
});

test("a model of its own suggests while the other answers", async () => {
  const model = new FakeModel();
  const inline = { name: "B", contextTokens: 2048, infill: true };
  const { load } = model;
  model.load = async (params, token) => ({ ...(await load(params, token)), inline });
  let finish = ignore;
  model.chat = async (_, say) => {
    await say("Half");
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    return generationResult("Half");
  };
  model.complete = async () => generationResult("b");
  const { engine, chat, backend } = setUp(model);
  let answering = ignore;
  const begun = new Promise<void>((resolve) => {
    answering = resolve;
  });
  expect(engine.suggests).toBe(false);
  const answer = chat("Hi", () => answering());
  await begun;
  expect(engine.suggests).toBe(true);
  expect(await backend.complete({ prefix: "a" }, CancellationToken.None)).toMatchObject({ text: "b" });
  expect(engine.state.kind).toBe("answering");
  finish();
  await answer;
});

test("memory is made room for after the answer under way; the model is back afterwards", async () => {
  const { engine, model, states, started, chat } = setUp();
  const room = await chat("Hi", ignore).then(() => engine.leaseMemory("a", new AbortController().signal));
  expect(engine.loaded).toBeUndefined();
  expect(engine.pid).toBeUndefined();
  expect(engine.state).toEqual({ kind: "converting", source: "a" });
  engine.warmUp();
  engine.settingsChanged();
  expect(model.loads).toHaveLength(1);
  states.length = 0;
  room();
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
  expect(states).toEqual(["idle", "loading", "ready"]);
  expect(started).toHaveLength(2);
});

test("an answer under way comes first, and waiting for it can be given up", async () => {
  const { engine, chat } = setUp();
  const stop = new AbortController();
  let room: Promise<unknown> = Promise.resolve();
  const answer = chat("Hi", () => {
    room = engine.leaseMemory("a", stop.signal).catch((error: unknown) => error);
    stop.abort("stopped");
    expect(engine.loaded).toBeDefined();
  });
  await expect(answer).resolves.toMatchObject({ text: "Echo: Hi" });
  expect(await room).toBe("stopped");
  expect(engine.state.kind).toBe("ready");
});

test("a question waits for the memory, also when another model is chosen meanwhile, and can be stopped", async () => {
  let current = settings;
  const { engine, model, chat } = setUp(new FakeModel(), () => current);
  const room = await engine.leaseMemory("a", new AbortController().signal);
  const stop = new CancellationTokenSource();
  const stopped = chat("Hi", ignore, stop.token);
  expect(engine.state.kind).toBe("converting");
  stop.cancel();
  await expect(stopped).rejects.toBeInstanceOf(Cancelled);
  expect(engine.state.kind).toBe("converting");
  const answer = chat("Hi", ignore);
  current = { ...settings, modelPath: "/models/b.gguf" };
  engine.settingsChanged();
  expect(engine.state.kind).toBe("converting");
  room();
  await expect(answer).resolves.toMatchObject({ text: "Echo: Hi" });
  expect(model.loads).toMatchObject([{ modelPath: "/models/b.gguf" }]);
});

test("what was not loaded is not loaded afterwards, unless somebody wants it", async () => {
  const { engine, started } = setUp();
  const { signal } = new AbortController();
  (await engine.leaseMemory("a", signal))();
  expect(engine.state.kind).toBe("idle");
  expect(started).toHaveLength(0);
  const room = await engine.leaseMemory("a", signal);
  engine.warmUp();
  room();
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
});
