import { totalmem } from "node:os";
import { basename } from "node:path";
import type { LoadResult, Plan, Stats } from "../../engine-native/protocol.js";
import { formatSize } from "../../engine-native/size.js";
import { silentDisk } from "../../engine-native/slowDisk.js";
import type { Problem, Status } from "../../webview/messages.js";
import { type EngineStopped, NoModel } from "../engine/errors.js";
import { describeError } from "../engine/problem.js";
import type { EngineSettings, EngineState, PromptProgress } from "../engine/state.js";

const integer = new Intl.NumberFormat("en-US");
const gigabyte = 1e9;
const gibibyte = 1024 ** 3;

/** All there is to know about the engine at one moment. */
export interface Snapshot {
  state: EngineState;
  settings: EngineSettings | undefined;
  loaded: LoadResult | undefined;
  /** Known before the model is loaded. */
  plan: Plan | undefined;
  /** Of the last answer, in tokens/s. */
  tokensPerSecond: number | undefined;
  stats: Stats | undefined;
  /** A crash that came while no answer was under way, until the next question. */
  crash?: EngineStopped | undefined;
}

/** The engine's moment in words, for the chat. */
export function toStatus(snapshot: Snapshot, now = Date.now()): Status {
  const { state, plan, settings } = snapshot;
  const speed = speedOf(snapshot);
  const memory = memoryOf(snapshot);
  return {
    phase: isWaiting(state) ? "waiting" : state.kind,
    model: modelName(settings),
    fit: plan?.fits && settings ? fit(plan, settings) : undefined,
    ...activity(state, now),
    numbers: [
      ...(speed === undefined ? [] : [formatSpeed(speed)]),
      ...(memory ? [`${memory.used} of ${memory.cap} GiB`] : []),
    ],
    details: hitRateOf(snapshot),
    problem: problemOf(snapshot) ?? absenceNotice(snapshot) ?? crashNotice(snapshot),
  };
}

/** What the caches in memory spare the disk, once something was read from it. */
function hitRateOf({ loaded, stats }: Snapshot): string | undefined {
  if (!loaded || !stats || stats.flash.readBytes === 0) return undefined;
  const { hitRate, readBytesPerToken } = stats.flash;
  const read = readBytesPerToken > 0 ? `, ${formatSize(readBytesPerToken)} read for each token` : "";
  return `Hit rate ${Math.round(hitRate * 100)}%: so much of the weights was in memory when needed${read}`;
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
export function suggestionsOf({ settings, loaded }: Snapshot): string | undefined {
  const { inlineBytes = 0, inlineRefusal } = loaded?.plan ?? {};
  if (inlineRefusal) return inlineRefusal.reason;
  const inline = settings?.inlineModelPath;
  return inline === undefined || inlineBytes === 0
    ? undefined
    : `${fileTitle(inline)}, ${formatSize(inlineBytes)} in memory`;
}

/** Speed of the answer under way, or of the last one, in tokens/s. */
export function speedOf({ state, tokensPerSecond }: Snapshot): number | undefined {
  // Of a single token there is no speed yet.
  return (state.kind === "answering" && state.tokensPerSecond) || tokensPerSecond;
}

/** "5.2 tokens/s" */
export function formatSpeed(tokensPerSecond: number): string {
  return `${tokensPerSecond.toFixed(1)} tokens/s`;
}

/** Memory that the engine takes and may take, both in GiB with one decimal. */
export function memoryOf({ loaded, stats }: Snapshot): { used: string; cap: string } | undefined {
  if (!loaded || !stats || stats.memory.capBytes === 0) return undefined;
  const { residentBytes, capBytes } = stats.memory;
  return { used: (residentBytes / gibibyte).toFixed(1), cap: (capBytes / gibibyte).toFixed(1) };
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
    message: `The model is unloaded while ${state.source} is converted. A question waits until that is done.`,
    actions: [{ label: "Stop the conversion", action: { kind: "stopConversion" } }],
  };
}

function crashNotice({ crash, state }: Snapshot): Problem | undefined {
  return (
    crash && {
      message: `${crash.message} ${state.kind === "loading" ? "Restarting it." : "Restarted."}`,
      actions: [{ label: "Show log", action: { kind: "showLog" } }],
    }
  );
}

/** An error of the engine in words. */
export function toProblem(error: unknown, settings: EngineSettings | undefined): Problem {
  return describeError(error, {
    model: modelName(settings) ?? "The model",
    settings,
    totalMemoryBytes: totalmem(),
  });
}

/** What the engine is busy with, and how much of it is done (0 to 1). */
export function activity(state: EngineState, now = Date.now()): Pick<Status, "activity" | "fraction"> {
  if (isWaiting(state)) return { activity: `${silentDisk(state.silentMs)}. You can stop the answer.` };
  switch (state.kind) {
    case "loading": {
      if (!state.progress) return { activity: "Loading: starting the engine" };
      const { loadedBytes, totalBytes } = state.progress;
      const [loaded, total] = [loadedBytes, totalBytes].map((bytes) => (bytes / gigabyte).toFixed(1));
      return { activity: `Loading: ${loaded} of ${total} GB`, fraction: ratio(loadedBytes, totalBytes) };
    }
    case "converting":
      return { activity: `Unloaded while ${state.source} is converted` };
    case "reading": {
      if (!state.progress) return { activity: "Reading your prompt" };
      const { readTokens, totalTokens } = state.progress;
      const counts = `${integer.format(readTokens)} of ${integer.format(totalTokens)} tokens`;
      return {
        activity: `Reading your prompt: ${counts}${timeLeft(state.progress, now)}`,
        fraction: ratio(readTokens, totalTokens),
      };
    }
    case "answering":
      return { activity: `Answering: ${formatSpeed(state.tokensPerSecond)}` };
    default:
      return {};
  }
}

/** Whether the disk gives nothing that an answer needs. */
const isWaiting = (state: EngineState): state is EngineState & { silentMs: number } =>
  "silentMs" in state && state.silentMs !== undefined;

function fit({ estimatedTokensPerSecond: speed }: Plan, { ramCapBytes }: EngineSettings): string {
  const fits = `Fits in ${formatSize(ramCapBytes)}`;
  if (speed === undefined) return fits;
  return `${fits}, about ${speed < 10 ? Number(speed.toFixed(1)) : Math.round(speed)} tokens/s`;
}

function timeLeft({ readTokens, totalTokens, first }: PromptProgress, now: number): string {
  const read = readTokens - first.readTokens;
  const elapsed = now - first.time;
  // Sooner than this the guess would jump about.
  if (read <= 0 || elapsed < 500) return "";
  const seconds = Math.round(((totalTokens - readTokens) * elapsed) / read / 1000);
  return seconds < 1 ? "" : `, about ${seconds} s left`;
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, part / whole) : 0;
}
