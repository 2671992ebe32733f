import { expect, test } from "vitest";
import { ResponseError } from "vscode-jsonrpc";
import { ErrorCode, type LoadResult, noFlash, type Stats } from "../../protocol/messages.js";
import { EngineStopped, InvalidSetting } from "../engine/errors.js";
import { loaded, plan } from "../fixtures.js";
import {
  activity,
  draftOf,
  gpuOf,
  modelName,
  type Snapshot,
  suggestionsOf,
  thinkingOf,
  toProblem,
  toStatus,
} from "./status.js";

const GiB = 1024 ** 3;
const stats: Stats = {
  memory: { capBytes: 6 * GiB, residentBytes: 5.8 * GiB, peakBytes: 5.9 * GiB },
  flash: noFlash,
  warmingBytes: 0,
};
const settings = { modelPath: "/models/Qwen3-30B.Q4_K_M.gguf", ramCapBytes: 6 * GiB };
const lastAnswer = { tokensPerSecond: 5.16, timeToFirstTokenMs: 1234, flash: noFlash };
const snapshot: Snapshot = { state: { kind: "ready" }, settings, loaded, plan, lastAnswer, stats };

test("a loaded model: its name, whether it fits, speed and memory", () => {
  expect(toStatus(snapshot)).toMatchObject({
    phase: "ready",
    model: "Qwen3-30B.Q4_K_M",
    fit: "Fits in 6.0 GiB, about 5.2 tokens/s",
    numbers: ["5.2 tokens/s", "first word after 1.2 s", "5.8 of 6.0 GiB"],
    problem: undefined,
  });
});

test("a model without a chat template of its own is said to have none", () => {
  const chatNote = "It has no chat template.";
  const actions = [{ label: "Pick another model", action: { kind: "chooseModel" } }];
  expect(toStatus({ ...snapshot, loaded: { ...loaded, chatTemplate: "plain", chatNote } }).problem).toEqual({
    message: chatNote,
    actions,
  });
});

test("a busy machine is said to be one, while it reads and while it answers", () => {
  const busy = { othersShare: 0.9 };
  expect(toStatus({ ...snapshot, state: { kind: "answering", tokensPerSecond: 0.4, ...busy } })).toMatchObject({
    activity: "Answering: 0.4 tokens/s; other programs use 90% of the processor",
    numbers: ["0.4 tokens/s", "5.8 of 6.0 GiB", "busy machine"],
  });
  expect(
    activity({
      kind: "reading",
      progress: { readTokens: 1, totalTokens: 9, first: { readTokens: 1, time: 0 } },
      ...busy,
    }).activity,
  ).toBe("Reading your prompt: 1 of 9 tokens; other programs use 90% of the processor");
});

test("a model that is read from flash tells what its caches spare", () => {
  expect(toStatus(snapshot).details).toBeUndefined();
  const flash = { readBytes: 9e9, readBytesPerToken: 21e6, wastedBytesPerToken: 0, readsPerToken: 26, hitRate: 0.913 };
  expect(toStatus({ ...snapshot, stats: { ...stats, flash } }).details).toMatch(/^Hit rate 91%: .* 20 MiB read for/);
});

test("below the input stands also what the flash gave, and how much was in memory", () => {
  const flash = { ...noFlash, readBytes: 9e9, readBytesPerToken: 21e6, hitRate: 0.913 };
  const answered = { ...lastAnswer, timeToFirstTokenMs: 41_234, flash: { ...flash, diskBytesPerSecond: 1.92e9 } };
  const streamed = { ...snapshot, stats: { ...stats, flash }, lastAnswer: answered };
  expect(toStatus(streamed).numbers).toEqual([
    ...["5.2 tokens/s", "first word after 41 s", "5.8 of 6.0 GiB", "1,920 MB/s", "hit rate 91%"],
  ]);
  const answering: Snapshot = { ...streamed, state: { kind: "answering", tokensPerSecond: 7 } };
  expect(toStatus(answering).numbers.slice(0, 2)).toEqual(["7.0 tokens/s", "5.8 of 6.0 GiB"]);
});

test("while it loads it is known whether it fits", () => {
  const loading: Snapshot = { ...snapshot, state: { kind: "loading" }, loaded: undefined, stats: undefined };
  expect(toStatus(loading).fit).toBe("Fits in 6.0 GiB, about 5.2 tokens/s");
  expect(toStatus({ ...loading, plan: { ...plan, fits: false } }).fit).toBeUndefined();
});

test("a model of its own for suggestions is named, or why it is none", () => {
  expect(suggestionsOf(snapshot)).toBeUndefined();
  const own: Snapshot = { ...snapshot, settings: { ...settings, inlineModelPath: "/models/coder-Q8_0.gguf" } };
  const both = { ...loaded, plan: { ...plan, inlineBytes: 1.5 * GiB } };
  expect(suggestionsOf({ ...own, loaded: both })).toBe("coder-Q8_0, 1.5 GiB in memory");
  const refused = { ...loaded, plan: { ...plan, inlineRefusal: { reason: "No room." } } };
  expect(suggestionsOf({ ...own, loaded: refused })).toBe("No room.");
  expect(suggestionsOf({ ...own, loaded: undefined })).toBeUndefined();
  const remoteInline = { model: "qwen", host: "gpu-box:8000", isAnswering: false };
  expect(suggestionsOf({ ...own, remoteInline })).toBe("qwen on gpu-box:8000");
  const error = new InvalidSetting("flint.backends", "No such backend.");
  expect(suggestionsOf({ ...own, remoteInline: { ...remoteInline, error } })).toBe("No such backend.");
});

test("a draft model is counted, or it is said why there is none", () => {
  expect(draftOf(snapshot)).toBeUndefined();
  expect(draftOf({ ...snapshot, loaded: { ...loaded, plan: { ...plan, draftBytes: 1.5 * GiB } } })).toBe(
    "1.5 GiB in memory",
  );
  const refused = { ...loaded, plan: { ...plan, draftRefusal: { reason: "It would be slower." } } };
  expect(draftOf({ ...snapshot, loaded: refused })).toBe("It would be slower.");
});

test("what is on the GPU is told, or why nothing is", () => {
  expect(gpuOf(snapshot)).toBeUndefined();
  const gpu = {
    name: "Arc",
    layers: 12,
    ofLayers: 33,
    expertLayers: 0,
    weightBytes: GiB,
    kvBytes: GiB,
    computeBytes: 1,
  };
  expect(gpuOf({ ...snapshot, loaded: { ...loaded, plan: { ...plan, gpu } } })).toBe("12 of 33 layers on Arc, 2.0 GiB");
  const refused = { ...loaded, plan: { ...plan, gpuRefusal: { reason: "No driver." } } };
  expect(gpuOf({ ...snapshot, loaded: refused })).toBe("No driver.");
});

test("a split model is named without the number of its part", () => {
  expect(modelName({ ...settings, modelPath: "/models/big-00001-of-00003.gguf" })).toBe("big");
});

test("loading and reading tell how far they are", () => {
  expect(activity({ kind: "loading", progress: { loadedBytes: 2.1e9, totalBytes: 5.4e9 } })).toEqual({
    activity: "Loading: 2.1 of 5.4 GB",
    fraction: 2.1 / 5.4,
  });
  const progress = { readTokens: 1200, totalTokens: 3400, first: { readTokens: 200, time: 0 } };
  expect(activity({ kind: "reading", progress }, 4000)).toEqual({
    activity: "Reading your prompt: 1,200 of 3,400 tokens, about 9 s left",
    fraction: 1200 / 3400,
  });
  expect(activity({ kind: "reading", progress }, 100).activity).toBe("Reading your prompt: 1,200 of 3,400 tokens");
});

test("that the model is unloaded is told, and how to have it back", () => {
  const state = { kind: "converting", source: "arcee.gguf" } as const;
  const converting = toStatus({ ...snapshot, state, loaded: undefined, stats: undefined });
  expect(converting.activity).toBe("Model unloaded while arcee.gguf is converted");
  expect(converting.problem).toEqual({
    message: "The model is unloaded while arcee.gguf is converted. Questions wait until the conversion ends.",
    actions: [{ label: "Stop conversion", action: { kind: "stopConversion" } }],
  });
});

test("a disk that gives nothing is told, and what can be done", () => {
  const waiting = "Waiting for the disk: no data for 5 s. You can stop the answer.";
  const answering: Snapshot = { ...snapshot, state: { kind: "answering", tokensPerSecond: 2, stalledMs: 5012 } };
  expect(toStatus(answering)).toMatchObject({ phase: "waiting", activity: waiting });
  expect(activity({ kind: "reading", stalledMs: 5012 })).toEqual({ activity: waiting });
});

function problem(error: unknown, changed: Partial<typeof settings & { contextTokens: number }> = {}) {
  const failed: Snapshot = { ...snapshot, state: { kind: "failed", error }, settings: { ...settings, ...changed } };
  const { message, actions } = toStatus(failed).problem ?? { message: undefined, actions: [] };
  return { message, labels: actions.map(({ label }) => label), actions: actions.map(({ action }) => action) };
}

test("what does not fit says what would", () => {
  const needs = { minimumCapBytes: 2.85 * GiB, maximumContext: 2048, contextTokens: 8192 };
  const error = new ResponseError(ErrorCode.DoesNotFit, "too big", needs);
  expect(problem(error, { ramCapBytes: 2 * GiB })).toEqual({
    message: "Qwen3-30B.Q4_K_M needs at least 2.9 GiB with a context of 8,192; your cap is 2.0 GiB.",
    labels: ["Raise the cap to 3 GiB", "Use a context of 2,048", "Pick another model"],
    actions: [{ kind: "raiseCap", bytes: 2.85 * GiB }, { kind: "useContext", tokens: 2048 }, { kind: "chooseModel" }],
  });
});

test("no cap above the machine's memory is offered, nor a context of nothing", () => {
  const error = new ResponseError(ErrorCode.DoesNotFit, "too big", {
    minimumCapBytes: 1e15,
    maximumContext: 0,
    contextTokens: 512,
  });
  expect(problem(error).labels).toEqual(["Pick another model"]);
});

test.each([
  [new ResponseError(ErrorCode.NotAModel, "a.gguf is not a GGUF model."), /not a GGUF model/, "Pick another model"],
  [new ResponseError(ErrorCode.ReadFailed, "The disk failed."), /disk failed/, "Load again"],
  [new EngineStopped("signal 11"), /signal 11.*conversation is kept/, "Restart engine"],
  [new InvalidSetting("flint.ramCap", "“x” is not a size."), /not a size/, "Open the setting"],
  [new Error("The engine did not start (exit 1)."), /did not start/, "Restart engine"],
])("%s is told in words, with something to do", (error, message, label) => {
  const told = problem(error);
  expect(told.message).toMatch(message);
  expect(told.labels[0]).toBe(label);
});

test("a crash between two answers is told until the next question", () => {
  expect(toStatus({ ...snapshot, crash: new EngineStopped("signal 9") }).problem?.message).toBe(
    "The engine stopped (signal 9). It was restarted.",
  );
});

test("whether to think is a choice where the model can do both", () => {
  const { loaded, ...rest } = snapshot;
  const of = (thinking: LoadResult["thinking"], more: Partial<Snapshot> = {}) =>
    thinkingOf({ ...rest, loaded: loaded && { ...loaded, thinking }, ...more }, false);
  expect([of("none"), of("always"), of("optional")]).toEqual([undefined, undefined, false]);
  expect(of("optional", { remote: { model: "a", host: "b", isAnswering: false } })).toBeUndefined();
});

test("a question that is too long offers a context that holds it, and no restart", () => {
  const tooLong = (promptTokens: number) =>
    toProblem(
      new ResponseError(ErrorCode.InvalidArgument, "The question has …", { promptTokens, contextTokens: 4096 }),
      settings,
    ).actions;
  expect(tooLong(5000)).toEqual([
    { label: "Use a context of 8,192", action: { kind: "useContext", tokens: 8192 } },
    { label: "Show log", action: { kind: "showLog" } },
  ]);
  expect(tooLong(8000)[0]).toMatchObject({ action: { tokens: 16_384 } });
  expect(tooLong(1e6)).toHaveLength(1);
});
