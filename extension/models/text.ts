/** Models, downloads and conversions in words, the same wherever they are shown. */
import * as l10n from "@vscode/l10n";
import type { DownloadProgress } from "../../models/download.js";
import type { ModelRole } from "../../models/record.js";
import type { ConversionPlan, ConvertProgress, Plan } from "../../protocol/messages.js";
import { diskSize, estimate, memorySize, memorySizeAtLeast } from "../numbers.js";

/** What went wrong, for people. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** "43%, 2.1 GiB of 4.9 GiB, 32 MB/s, about 2 min left" */
export function progressText({ phase, doneBytes, totalBytes }: DownloadProgress, rate: number | undefined): string {
  const parts = [
    ...(totalBytes ? [`${percent(doneBytes, totalBytes)}%`] : []),
    totalBytes ? l10n.t("{0} of {1}", memorySize(doneBytes), memorySize(totalBytes)) : memorySize(doneBytes),
  ];
  if (phase === "verify") return l10n.t("checking {0}", parts.join(", "));
  if (rate !== undefined && rate > 0) {
    parts.push(l10n.t("{0} MB/s", estimate(rate / 1e6)));
    if (totalBytes) parts.push(timeLeft((totalBytes - doneBytes) / rate));
  }
  return parts.join(", ");
}

/** What the view shows of a model: its state, and how far it is. */
export interface ModelStateFacts {
  state: "ready" | "converted" | "converting" | "damaged" | "downloading" | "elsewhere" | "stopped";
  /** What it is used for. */
  inUse?: string | undefined;
  /** Of a download in this window, once there is something to tell. */
  progress?: DownloadProgress | undefined;
  rate?: number | undefined;
  converting?: ConvertProgress | undefined;
  /** How much of an incomplete one has arrived: "43%". */
  share: string;
  paused?: boolean;
  conversionPaused?: boolean;
}

/** "downloading 43%, 2.1 GiB of 4.9 GiB, 32 MB/s", "paused at 43%", "in use for chat, converted" */
export function stateText({ state, inUse, progress, rate, share, ...more }: ModelStateFacts): string {
  switch (state) {
    case "ready":
      return `${inUse ?? l10n.t("ready")}${more.conversionPaused ? l10n.t(", conversion stopped") : ""}`;
    case "converted":
      return inUse ? l10n.t("{0}, converted", inUse) : l10n.t("converted");
    case "converting":
      return conversionText(more.converting);
    case "damaged":
      return l10n.t("damaged");
    case "downloading":
      if (!progress) return l10n.t("downloading");
      return `${progress.phase === "verify" ? "" : l10n.t("downloading ")}${progressText(progress, rate)}`;
    case "elsewhere":
      return l10n.t("downloading {0} in another window", share);
    case "stopped":
      return l10n.t("{0} at {1}", more.paused ? l10n.t("paused") : l10n.t("stopped"), share);
  }
}

/** Each stage, and where it begins on the way: most of the time goes into calibration and layers. */
const stages: Record<ConvertProgress["stage"], { words: string; from: number; to: number }> = {
  quantize: { words: l10n.t("quantizing"), from: 0, to: 0 },
  calibrate: { words: l10n.t("running calibration text"), from: 0, to: 40 },
  layers: { words: l10n.t("fitting and writing layers"), from: 40, to: 85 },
  write: { words: l10n.t("writing the rest"), from: 85, to: 90 },
  verify: { words: l10n.t("comparing with the original"), from: 90, to: 100 },
};

/** About how much of a conversion is done, in percent. */
export function conversionPercent({ stage, done, total }: ConvertProgress): number {
  const { from, to } = stages[stage];
  return Math.floor(from + ((to - from) * done) / Math.max(1, total));
}

/** "converting 43%, fitting and writing layers" */
export function conversionText(progress: ConvertProgress | undefined): string {
  return progress
    ? l10n.t("converting {0}%, {1}", conversionPercent(progress), stages[progress.stage].words)
    : l10n.t("converting");
}

/**
 * "2.0 GB to /models (4.0 GB free)", or that it does not fit.
 * @param room.bytes that stay
 * @param room.needed bytes at the most while it is made
 * @param room.free bytes of the disk, where they are known
 */
export function roomText(room: {
  bytes: number | undefined;
  needed: number;
  free: number | undefined;
  folder: string;
}): string {
  const { bytes, needed, free, folder } = room;
  if (free !== undefined && needed > free) {
    return l10n.t("not enough disk space: needs {0}, {1} are free in {2}", diskSize(needed), diskSize(free), folder);
  }
  const size = bytes === undefined ? l10n.t("unknown size") : diskSize(bytes);
  return l10n.t("{0} to {1}{2}", size, folder, free === undefined ? "" : l10n.t(" ({0} free)", diskSize(free)));
}

/** "45 MB more disk space, and up to 446 MiB of memory while it runs; the model in use is unloaded meanwhile" */
export function conversionCost({ modelBytes, storeBytes, memoryBytes }: ConversionPlan): string {
  return l10n.t(
    "{0} more disk space, and up to {1} of memory while it runs; the model in use is unloaded meanwhile",
    diskSize(modelBytes + storeBytes),
    memorySize(memoryBytes),
  );
}

/** What a model is meant for. */
export const roles: Record<ModelRole, string> = {
  chat: l10n.t("chat"),
  inline: l10n.t("suggestions"),
  both: l10n.t("chat and suggestions"),
  nextEdit: l10n.t("next edits"),
  draft: l10n.t("draft"),
};

/** Which model is used for what: one for both, unless suggestions have a separate one. */
export interface Uses {
  /** Path of the chat model. */
  chat: string | undefined;
  /** Path of the inline model. */
  inline: string | undefined;
  /** The inline model was not loaded, so the chat model makes the suggestions. */
  inlineRefused: boolean;
}

/** "in use for chat"; undefined for a model that is not in use. */
export function useOf(path: string, { chat, inline, inlineRefused }: Uses): string | undefined {
  if (path === chat) return inline === undefined || inlineRefused ? l10n.t("in use") : l10n.t("in use for chat");
  if (path === inline)
    return inlineRefused ? l10n.t("chosen for suggestions, not loaded") : l10n.t("in use for suggestions");
  return undefined;
}

export function percent(done: number, total: number): number {
  return Math.max(0, Math.min(100, Math.floor((done / total) * 100)));
}

/** "about 2 min left" */
export function timeLeft(seconds: number): string {
  if (seconds < 90) return l10n.t("about {0} s left", Math.max(1, Math.round(seconds)));
  if (seconds < 90 * 60) return l10n.t("about {0} min left", Math.round(seconds / 60));
  return l10n.t("about {0} h left", Math.round(seconds / 3600));
}

/** Whether conversion would save reads: not if all of the model is in memory. */
export function conversionHelps({ fits, weights }: Plan): boolean {
  return !fits || weights.streamedBytes > 0;
}

/** "fits in 4.0 GiB, about 5.2 tokens/s", or what it would need. */
export function fitText(plan: Plan, ramCapBytes: number): string {
  if (!plan.fits)
    return l10n.t("needs {0}, the cap is {1}", memorySizeAtLeast(plan.minimumCapBytes), memorySize(ramCapBytes));
  const speed = plan.estimatedTokensPerSecond;
  const rate = speed === undefined ? "" : l10n.t(", about {0} tokens/s", estimate(speed));
  return l10n.t("fits in {0}{1}", memorySize(ramCapBytes), rate);
}
