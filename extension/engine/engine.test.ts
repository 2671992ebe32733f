import { ChildProcess } from "node:child_process";
import { PassThrough } from "node:stream";
import { afterEach, expect, test, vi } from "vitest";
import { CancellationToken, CancellationTokenSource, ResponseError } from "vscode-jsonrpc";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import type { Sidecar } from "../../engine-native/client.js";
import {
  chatRequest,
  completeRequest,
  ErrorCode,
  type GenerationProgress,
  generationProgress,
  type LoadParams,
  loadRequest,
  type Plan,
  planRequest,
  protocolVersion,
} from "../../engine-native/protocol.js";
import { generationResult, plan } from "../fixtures.js";
import { Engine } from "./engine.js";
import { Cancelled, EngineStopped, InvalidSetting, NoModel } from "./errors.js";
import type { EngineSettings } from "./state.js";

const settings: EngineSettings = { modelPath: "/models/a.gguf", ramCapBytes: 1e9 };

const ignore: () => void = () => undefined;

/** A sidecar within this process that speaks the real protocol. `crash` is the end of it. */
function fakeSidecar(model: FakeModel) {
  const [toSidecar, fromSidecar] = [new PassThrough(), new PassThrough()];
  const server = createMessageConnection(new StreamMessageReader(toSidecar), new StreamMessageWriter(fromSidecar));
  server.onRequest(planRequest, () => model.plan());
  server.onRequest(loadRequest, (params, token) => model.load(params, token));
  server.onRequest(chatRequest, async ({ messages, progressToken = "" }, token) => {
    await server.sendProgress(generationProgress, progressToken, { kind: "prompt", readTokens: 1, totalTokens: 2 });
    for (const progress of model.progress) await server.sendProgress(generationProgress, progressToken, progress);
    const say = (text: string) =>
      server.sendProgress(generationProgress, progressToken, { kind: "text", text, tokens: [1], tokensPerSecond: 7 });
    return model.chat(messages.at(-1)?.text ?? "", say, token);
  });
  server.onRequest(completeRequest, (_, token) => model.complete(token));
  server.listen();
  const connection = createMessageConnection(new StreamMessageReader(fromSidecar), new StreamMessageWriter(toSidecar));
  connection.listen();
  type End = Awaited<Sidecar["exited"]>;
  let end: (how: End) => void = ignore;
  const exited = new Promise<End>((resolve) => {
    end = resolve;
  });
  let crashed = false;
  const sidecar: Sidecar = {
    connection,
    process: new ChildProcess(),
    info: { protocolVersion, version: "", llamaCppRelease: "" },
    exited,
    dispose: () => {
      connection.dispose();
      if (!crashed) end({ code: 0, signal: null });
    },
  };
  const crash = () => {
    crashed = true;
    // As with a real process, its pipes close first.
    fromSidecar.destroy();
    setTimeout(() => end({ code: null, signal: "SIGSEGV" }), 10);
  };
  return { sidecar, crash };
}

const untilCancelled = (token: CancellationToken) =>
  new Promise<void>((resolve) => {
    // A request that was cancelled before it was dispatched comes with a token that has no event.
    if (token.isCancellationRequested) resolve();
    token.onCancellationRequested(() => resolve());
  });

class FakeModel {
  loads: LoadParams[] = [];
  /** Told before each answer. */
  progress: GenerationProgress[] = [];
  plan = async (): Promise<Plan> => plan;
  load = async (params: LoadParams, _: CancellationToken) => {
    this.loads.push(params);
    return { name: "A", architecture: "llama", contextTokens: 4096, infill: true };
  };
  chat = async (question: string, say: (text: string) => Promise<void>, _: CancellationToken) => {
    await say("Echo: ");
    await say(question);
    return generationResult(`Echo: ${question}`);
  };
  complete = async (token: CancellationToken) => {
    await untilCancelled(token);
    return generationResult("", "cancelled");
  };
}

const engines: Engine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.dispose();
});

function setUp(model = new FakeModel(), current: () => EngineSettings | undefined = () => settings) {
  const started: ReturnType<typeof fakeSidecar>[] = [];
  const engine = new Engine({
    start: async () => {
      const fake = fakeSidecar(model);
      started.push(fake);
      return fake.sidecar;
    },
    settings: current,
    log: () => undefined,
  });
  engines.push(engine);
  const states: string[] = [];
  engine.onDidChangeState(({ kind }) => {
    if (states.at(-1) !== kind) states.push(kind);
  });
  return { engine, model, states, started, crash: () => started.at(-1)?.crash() };
}

const ask = (text: string) => ({ messages: [{ role: "user" as const, text }] });

test("loads at the first question, streams the answer, and is ready again", async () => {
  const { engine, model, states } = setUp();
  expect(engine.state.kind).toBe("idle");
  const pieces: string[] = [];
  await expect(engine.chat(ask("Hi"), (text) => pieces.push(text))).resolves.toMatchObject({ text: "Echo: Hi" });
  expect(pieces).toEqual(["Echo: ", "Hi"]);
  expect(states).toEqual(["loading", "ready", "reading", "answering", "ready"]);
  expect(model.loads).toMatchObject([{ ...settings, engine: "flash" }]);
  expect(engine.tokensPerSecond).toBe(10);
});

test("a disk that gives nothing is told until it gives again, in a prompt and in an answer", async () => {
  const model = new FakeModel();
  model.progress = [
    { kind: "disk", silentMs: 2000 },
    { kind: "prompt", readTokens: 1, totalTokens: 2 },
    { kind: "disk", silentMs: 0 },
    { kind: "text", text: "", tokens: [], tokensPerSecond: 7 },
    { kind: "disk", silentMs: 3000 },
  ];
  const { engine } = setUp(model);
  const silences: (number | undefined)[] = [];
  engine.onDidChangeState((state) => {
    if (state.kind === "reading" || state.kind === "answering") silences.push(state.silentMs);
  });
  await engine.chat(ask("Hi"), () => undefined);
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
  const { engine, states } = setUp(model);
  await expect(engine.chat(ask("Hi"), ignore)).rejects.toMatchObject({ code: 3, data: { minimumCapBytes: 3e9 } });
  expect(states).toEqual(["loading", "failed"]);
});

test("stopping ends an answer with what there is, and a load with nothing", async () => {
  const model = new FakeModel();
  model.chat = async (_, say, token) => {
    await say("Half");
    await untilCancelled(token);
    return generationResult("Half", "cancelled");
  };
  const { engine } = setUp(model);
  const first = new CancellationTokenSource();
  const answer = engine.chat(ask("Hi"), () => first.cancel(), first.token);
  await expect(answer).resolves.toMatchObject({ text: "Half", finishReason: "cancelled" });

  model.load = async (_, token) => {
    await untilCancelled(token);
    throw new ResponseError(-32800, "cancelled");
  };
  const second = new CancellationTokenSource();
  engine.restart();
  const stopped = engine.chat(ask("Hi"), ignore, second.token);
  second.cancel();
  await expect(stopped).rejects.toBeInstanceOf(Cancelled);
  await vi.waitFor(() => expect(engine.state.kind).toBe("idle"));
});

test("a crash ends the answer, and the engine comes back with the model", async () => {
  const model = new FakeModel();
  model.chat = (_, say) => say("Half").then(() => new Promise(ignore));
  const { engine, started, crash } = setUp(model);
  const crashes: EngineStopped[] = [];
  engine.onDidCrash((stop) => crashes.push(stop));
  const error: unknown = await engine.chat(ask("Hi"), () => crash()).catch((thrown: unknown) => thrown);
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

test("settings that change during an answer wait for its end", async () => {
  let current = settings;
  const { engine, model } = setUp(new FakeModel(), () => current);
  await engine.chat(ask("Hi"), () => {
    current = { ...settings, ramCapBytes: 2e9 };
    engine.settingsChanged();
    expect(engine.state.kind).toBe("answering");
  });
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
  expect(model.loads.map(({ ramCapBytes }) => ramCapBytes)).toEqual([1e9, 2e9]);
});

test("an inline suggestion never waits, and makes way for a question", async () => {
  const { engine } = setUp();
  expect(await engine.complete({ prefix: "a" }, CancellationToken.None)).toBeUndefined();
  await engine.load();
  const suggestion = engine.complete({ prefix: "a" }, CancellationToken.None);
  const answer = engine.chat(ask("Hi"), ignore);
  expect(await engine.complete({ prefix: "b" }, CancellationToken.None)).toBeUndefined();
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
  const { engine } = setUp(model);
  let answering = ignore;
  const begun = new Promise<void>((resolve) => {
    answering = resolve;
  });
  expect(engine.suggests).toBe(false);
  const answer = engine.chat(ask("Hi"), () => answering());
  await begun;
  expect(engine.suggests).toBe(true);
  expect(await engine.complete({ prefix: "a" }, CancellationToken.None)).toMatchObject({ text: "b" });
  expect(engine.state.kind).toBe("answering");
  finish();
  await answer;
});

test("memory is made room for after the answer under way; the model is back afterwards", async () => {
  const { engine, model, states, started } = setUp();
  const room = await engine.chat(ask("Hi"), ignore).then(() => engine.makeRoom("a", new AbortController().signal));
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
  const { engine } = setUp();
  const stop = new AbortController();
  let room: Promise<unknown> = Promise.resolve();
  const answer = engine.chat(ask("Hi"), () => {
    room = engine.makeRoom("a", stop.signal).catch((error: unknown) => error);
    stop.abort("stopped");
    expect(engine.loaded).toBeDefined();
  });
  await expect(answer).resolves.toMatchObject({ text: "Echo: Hi" });
  expect(await room).toBe("stopped");
  expect(engine.state.kind).toBe("ready");
});

test("a question waits for the memory, also when another model is chosen meanwhile, and can be stopped", async () => {
  let current = settings;
  const { engine, model } = setUp(new FakeModel(), () => current);
  const room = await engine.makeRoom("a", new AbortController().signal);
  const stop = new CancellationTokenSource();
  const stopped = engine.chat(ask("Hi"), ignore, stop.token);
  expect(engine.state.kind).toBe("converting");
  stop.cancel();
  await expect(stopped).rejects.toBeInstanceOf(Cancelled);
  expect(engine.state.kind).toBe("converting");
  const answer = engine.chat(ask("Hi"), ignore);
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
  (await engine.makeRoom("a", signal))();
  expect(engine.state.kind).toBe("idle");
  expect(started).toHaveLength(0);
  const room = await engine.makeRoom("a", signal);
  engine.warmUp();
  room();
  await vi.waitFor(() => expect(engine.state.kind).toBe("ready"));
});
