import { totalmem } from "node:os";
import { basename } from "node:path";
import * as l10n from "@vscode/l10n";
import { busyMachine } from "../../protocol/busyMachine.js";
import { stalledDisk } from "../../protocol/diskWarnings.js";
import type { LoadResult, Plan, Stats } from "../../protocol/messages.js";
import type { Problem, Status } from "../../webview/messages.js";
import type { EngineClient } from "../engine/engine.js";
import { type EngineStopped, NoModel } from "../engine/errors.js";
import type { EngineSettings, EngineState, PromptProgress } from "../engine/state.js";
import { decimal, estimate, integer, memorySize } from "../numbers.js";
import { describeError } from "./problem.js";

const gigabyte = 1e9;
const gibibyte = 1024 ** 3;

/** All there is to know about the engine at one moment. */
export interface Snapshot {
  state: EngineState;
  settings: EngineSettings | undefined;
  loaded: LoadResult | undefined;
  /** Known before the model is loaded. */
  plan: Plan | undefined;
  /** How the last answer went. */
  lastAnswer: EngineClient["lastAnswer"];
  stats: Stats | undefined;
  /** The chat model of another machine, where that is chosen. */
  remote?: RemoteState | undefined;
  /** The model of another machine that makes the suggestions, where that is chosen. */
  remoteInline?: RemoteState | undefined;
  /** What other programs are given, while the engine is served to them. */
  serverAddress?: string | undefined;
  /** A crash that came while no answer was under way, until the next question. */
  crash?: EngineStopped | undefined;
}

/** A model of another machine. */
export interface RemoteState {
  model: string;
  /** Where text goes. */
  host: string;
  isAnswering: boolean;
  /** What is wrong with the settings that name it. */
  error?: unknown;
}

/** The engine's moment in words, for the chat. */
export function toStatus(snapshot: Snapshot, now = Date.now()): Status {
  const { state, plan, settings, remote } = snapshot;
  if (remote) {
    const problem = remote.error === undefined ? undefined : toProblem(remote.error, settings);
    const phase = problem ? "failed" : remote.isAnswering ? "answering" : "ready";
    return { phase, model: remote.model, place: remote.host, numbers: [], problem };
  }
  const speed = speedOf(snapshot);
  const memory = memoryOf(snapshot);
  return {
    phase: isWaiting(state) ? "waiting" : state.kind,
    model: modelName(settings),
    place: settings && l10n.t("this machine"),
    fit: plan?.fits && settings ? fit(plan, settings) : undefined,
    ...activity(state, now),
    numbers: [
      ...(speed === undefined ? [] : [formatSpeed(speed)]),
      ...firstWordOf(snapshot),
      ...(memory ? [l10n.t("{0} of {1} GiB", memory.used, memory.cap)] : []),
      ...flashOf(snapshot),
      ...("othersShare" in state && state.othersShare !== undefined ? [l10n.t("busy machine")] : []),
    ],
    details: hitRateOf(snapshot),
    problem: problemOf(snapshot) ?? absenceNotice(snapshot) ?? crashNotice(snapshot) ?? templateNotice(snapshot),
  };
}

/** Whether the chat model is to think before it answers; undefined where that is no choice. @param wanted by the settings */
export function thinkingOf({ loaded, remote }: Snapshot, wanted: boolean): boolean | undefined {
  return loaded?.thinking === "optional" && !remote ? wanted : undefined;
}

/** How long the last answer's first word took, once no other answer is under way. */
function firstWordOf({ state, lastAnswer }: Snapshot): string[] {
  if (!lastAnswer || state.kind === "answering" || state.kind === "reading") return [];
  const seconds = lastAnswer.timeToFirstTokenMs / 1000;
  return [l10n.t("first word after {0} s", estimate(seconds))];
}

/** How fast the disk gave what answers needed, and how much of it was in memory; nothing where nothing was read. */
function flashOf({ loaded, stats, lastAnswer }: Snapshot): string[] {
  if (!loaded || !stats || stats.flash.readBytes === 0) return [];
  const { diskBytesPerSecond = 0, hitRate } = { ...stats.flash, ...lastAnswer?.flash };
  const speed = diskBytesPerSecond > 0 ? [l10n.t("{0} MB/s", integer(diskBytesPerSecond / 1e6))] : [];
  return [...speed, l10n.t("hit rate {0}%", Math.round(hitRate * 100))];
}

/** What the caches in memory spare the disk, once something was read from it. */
function hitRateOf({ loaded, stats }: Snapshot): string | undefined {
  if (!loaded || !stats || stats.flash.readBytes === 0) return undefined;
  const { hitRate, readBytesPerToken } = stats.flash;
  const read = readBytesPerToken > 0 ? l10n.t(", {0} read for each token", memorySize(readBytesPerToken)) : "";
  return l10n.t(
    "Hit rate {0}%: share of the weights that were in memory when needed{1}",
    Math.round(hitRate * 100),
    read,
  );
}

/**
 * Name of the chosen model: that of its file, which tells the quantization too. What the file calls itself is often of
 * no use.
 */
export function modelName(settings: EngineSettings | undefined): string | undefined {
  return settings && fileTitle(settings.modelPath);
}

const fileTitle = (path: string): string => basename(path).replace(/(-\d+-of-\d+)?\.gguf$/i, "");

/** What does the suggestions, where that is asked of a model of its own. */
export function suggestionsOf({ settings, loaded, remoteInline }: Snapshot): string | undefined {
  if (remoteInline?.error !== undefined) return toProblem(remoteInline.error, settings).message;
  if (remoteInline) return l10n.t("{0} on {1}", remoteInline.model, remoteInline.host);
  const { inlineBytes = 0, inlineRefusal } = loaded?.plan ?? {};
  if (inlineRefusal) return inlineRefusal.reason;
  const inline = settings?.inlineModelPath;
  return inline === undefined || inlineBytes === 0
    ? undefined
    : l10n.t("{0}, {1} in memory", fileTitle(inline), memorySize(inlineBytes));
}

/** What guesses tokens while weights are streamed, or why nothing does, where that is asked for. */
export function draftOf({ loaded }: Snapshot): string | undefined {
  const { draftBytes = 0, draftRefusal } = loaded?.plan ?? {};
  if (draftRefusal) return draftRefusal.reason;
  return draftBytes === 0 ? undefined : l10n.t("{0} in memory", memorySize(draftBytes));
}

/** What of the model is on a GPU, or why nothing is, where that is asked for. */
export function gpuOf({ loaded }: Snapshot): string | undefined {
  const { gpu, gpuRefusal } = loaded?.plan ?? {};
  if (!gpu) return gpuRefusal?.reason;
  const { name, layers, ofLayers, weightBytes, kvBytes } = gpu;
  return l10n.t("{0} of {1} layers on {2}, {3}", layers, ofLayers, name, memorySize(weightBytes + kvBytes));
}

/** Speed of the answer under way, or of the last one, in tokens/s. */
export function speedOf({ state, lastAnswer }: Snapshot): number | undefined {
  // Of a single token there is no speed yet.
  return (state.kind === "answering" && state.tokensPerSecond) || lastAnswer?.tokensPerSecond;
}

/** "5.2 tokens/s" */
export function formatSpeed(tokensPerSecond: number): string {
  return l10n.t("{0} tokens/s", decimal(tokensPerSecond));
}

/** Memory that the engine takes and may take, both in GiB with one decimal. */
export function memoryOf({ loaded, stats }: Snapshot): { used: string; cap: string } | undefined {
  if (!loaded || !stats || stats.memory.capBytes === 0) return undefined;
  const { residentBytes, capBytes } = stats.memory;
  return { used: decimal(residentBytes / gibibyte), cap: decimal(capBytes / gibibyte) };
}

/** Why the engine can't answer, if it can't. */
export function problemOf(snapshot: Snapshot): Problem | undefined {
  if (snapshot.state.kind === "empty") return toProblem(new NoModel(), snapshot.settings);
  if (snapshot.state.kind !== "failed") return undefined;
  return toProblem(snapshot.state.error, snapshot.settings);
}

function absenceNotice({ state, settings }: Snapshot): Problem | undefined {
  if (state.kind !== "converting" || !settings) return undefined;
  return {
    message: l10n.t(
      "The model is unloaded while {0} is converted. Questions wait until the conversion ends.",
      state.source,
    ),
    actions: [{ label: l10n.t("Stop conversion"), action: { kind: "stopConversion" } }],
  };
}

/** What is to be known of a model that was not made for a chat, or whose file does not say how. */
function templateNotice({ loaded }: Snapshot): Problem | undefined {
  if (loaded?.chatNote === undefined) return undefined;
  return {
    message: loaded.chatNote,
    actions: [{ label: l10n.t("Pick another model"), action: { kind: "chooseModel" } }],
  };
}

function crashNotice({ crash, state }: Snapshot): Problem | undefined {
  return (
    crash && {
      message: `${crash.message} ${state.kind === "loading" ? l10n.t("It is being restarted.") : l10n.t("It was restarted.")}`,
      actions: [{ label: l10n.t("Show log"), action: { kind: "showLog" } }],
    }
  );
}

/** An error of the engine in words. */
export function toProblem(error: unknown, settings: EngineSettings | undefined): Problem {
  return describeError(error, {
    model: modelName(settings) ?? l10n.t("The model"),
    settings,
    totalMemoryBytes: totalmem(),
  });
}

/** What the engine is busy with, and how much of it is done (0 to 1). */
export function activity(state: EngineState, now = Date.now()): Pick<Status, "activity" | "fraction"> {
  if (isWaiting(state)) return { activity: l10n.t("{0}. You can stop the answer.", stalledDisk(state.stalledMs)) };
  switch (state.kind) {
    case "loading": {
      if (!state.progress) return { activity: l10n.t("Starting the engine") };
      const { loadedBytes, totalBytes } = state.progress;
      const [loaded, total] = [loadedBytes, totalBytes].map((bytes) => decimal(bytes / gigabyte));
      return {
        activity: l10n.t("Loading: {0} of {1} GB", loaded ?? "", total ?? ""),
        fraction: ratio(loadedBytes, totalBytes),
      };
    }
    case "converting":
      return { activity: l10n.t("Model unloaded while {0} is converted", state.source) };
    case "reading": {
      if (!state.progress) return { activity: l10n.t("Reading your prompt") };
      const { readTokens, totalTokens } = state.progress;
      const counts = l10n.t("{0} of {1} tokens", integer(readTokens), integer(totalTokens));
      return {
        activity: l10n.t("Reading your prompt: {0}{1}", counts, timeLeft(state.progress, now)) + busyOf(state),
        fraction: ratio(readTokens, totalTokens),
      };
    }
    case "answering":
      return { activity: l10n.t("Answering: {0}", formatSpeed(state.tokensPerSecond)) + busyOf(state) };
    default:
      return {};
  }
}

/** Why it is slow, where that is because of other programs. */
function busyOf({ othersShare }: { othersShare?: number }): string {
  const busy = busyMachine(othersShare);
  return busy === undefined ? "" : `; ${busy}`;
}

/** Whether the disk gives nothing that an answer needs. */
const isWaiting = (state: EngineState): state is EngineState & { stalledMs: number } =>
  "stalledMs" in state && state.stalledMs !== undefined;

function fit({ estimatedTokensPerSecond: speed }: Plan, { ramCapBytes }: EngineSettings): string {
  const fits = l10n.t("Fits in {0}", memorySize(ramCapBytes));
  if (speed === undefined) return fits;
  return l10n.t("{0}, about {1} tokens/s", fits, estimate(speed));
}

function timeLeft({ readTokens, totalTokens, first }: PromptProgress, now: number): string {
  const read = readTokens - first.readTokens;
  const elapsed = now - first.time;
  // Sooner than this the guess would jump about.
  if (read <= 0 || elapsed < 500) return "";
  const seconds = Math.round(((totalTokens - readTokens) * elapsed) / read / 1000);
  return seconds < 1 ? "" : l10n.t(", about {0} s left", seconds);
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, part / whole) : 0;
}
