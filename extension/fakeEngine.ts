/** An engine whose sidecar is played by this process, over the real protocol. For unit tests. */
import { ChildProcess } from "node:child_process";
import { PassThrough } from "node:stream";
import { onTestFinished } from "vitest";
import type { CancellationToken } from "vscode-jsonrpc";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import type { Sidecar } from "../protocol/client.js";
import {
  answerNowRequest,
  chatRequest,
  completeRequest,
  countPromptTokensRequest,
  countTokensRequest,
  type GenerationProgress,
  generationProgress,
  type LoadParams,
  type LoadResult,
  loadRequest,
  type Plan,
  planRequest,
  protocolVersion,
} from "../protocol/messages.js";
import { SidecarBackend } from "./backends/sidecar.js";
import { EngineClient } from "./engine/engine.js";
import type { EngineSettings } from "./engine/state.js";
import { generationResult, plan } from "./fixtures.js";

export const settings: EngineSettings = { modelPath: "/models/a.gguf", ramCapBytes: 1e9 };

export const ignore: () => void = () => undefined;

/** A sidecar within this process that speaks the real protocol. `crash` is the end of it. */
function fakeSidecar(model: FakeModel) {
  const [toSidecar, fromSidecar] = [new PassThrough(), new PassThrough()];
  const server = createMessageConnection(new StreamMessageReader(toSidecar), new StreamMessageWriter(fromSidecar));
  server.onRequest(planRequest, () => model.plan());
  server.onRequest(loadRequest, (params, token) => model.load(params, token));
  server.onRequest(chatRequest, async ({ messages, sessionId, progressToken = "" }, token) => {
    if (sessionId !== undefined) model.sessions.push(sessionId);
    await server.sendProgress(generationProgress, progressToken, { kind: "prompt", readTokens: 1, totalTokens: 2 });
    for (const progress of model.progress) await server.sendProgress(generationProgress, progressToken, progress);
    const say = (text: string) =>
      server.sendProgress(generationProgress, progressToken, { kind: "text", text, tokens: [1], tokensPerSecond: 7 });
    return model.chat(messages.at(-1)?.text ?? "", say, token);
  });
  server.onRequest(answerNowRequest, ({ sessionId }) => {
    model.answerNow(sessionId);
    return true;
  });
  const count = (text: string) => text.split(/\s+/).filter(Boolean).length;
  server.onRequest(countTokensRequest, ({ text }) => ({ tokens: count(text) }));
  server.onRequest(countPromptTokensRequest, ({ messages }) => ({
    tokens: messages.reduce((sum, { role, text }) => sum + count(role) + count(text), 0),
    omittedMessages: [],
  }));
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

export const untilCancelled = (token: CancellationToken) =>
  new Promise<void>((resolve) => {
    // A request that was cancelled before it was dispatched comes with a token that has no event.
    if (token.isCancellationRequested) resolve();
    token.onCancellationRequested(() => resolve());
  });

/** What the sidecar answers; a test replaces what it is about. */
export class FakeModel {
  loads: LoadParams[] = [];
  /** Of the questions that named one. */
  sessions: string[] = [];
  /** Told before each answer. */
  progress: GenerationProgress[] = [];
  plan = async (): Promise<Plan> => plan;
  load = async (params: LoadParams, _: CancellationToken): Promise<LoadResult> => {
    this.loads.push(params);
    return {
      name: "A",
      architecture: "llama",
      contextTokens: 4096,
      infill: true,
      chatTemplate: "model",
      thinking: "none",
    };
  };
  chat = async (question: string, say: (text: string) => Promise<void>, _: CancellationToken) => {
    await say("Echo: ");
    await say(question);
    return generationResult(`Echo: ${question}`);
  };
  answerNow: (sessionId: string) => void = ignore;
  complete = async (token: CancellationToken) => {
    await untilCancelled(token);
    return generationResult("", "cancelled");
  };
}

/** An engine and its backend over fake sidecars; disposed of with the test. */
export function setUp(model = new FakeModel(), current: () => EngineSettings | undefined = () => settings) {
  const started: ReturnType<typeof fakeSidecar>[] = [];
  const engine = new EngineClient({
    start: async () => {
      const fake = fakeSidecar(model);
      started.push(fake);
      return fake.sidecar;
    },
    settings: current,
    log: () => undefined,
  });
  onTestFinished(() => engine.dispose());
  const states: string[] = [];
  engine.onDidChangeState(({ kind }) => {
    if (states.at(-1) !== kind) states.push(kind);
  });
  const backend = new SidecarBackend(engine);
  const chat = (text: string, onText: (text: string) => void, token?: CancellationToken) =>
    backend.chat({ messages: [{ role: "user", text }] }, { onText }, token);
  return { engine, backend, chat, model, states, started, crash: () => started.at(-1)?.crash() };
}
