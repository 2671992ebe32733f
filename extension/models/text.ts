/** How models and downloads are told, in one way wherever they are. */
import { gigabytes } from "../../engine-native/download/disk.js";
import type { DownloadProgress } from "../../engine-native/download/download.js";
import type { ConversionPlan, ConvertProgress, Plan } from "../../engine-native/protocol.js";
import { formatAtLeast, formatSize } from "../../engine-native/size.js";

/** "43%, 2.1 GiB of 4.9 GiB, 32 MB/s, about 2 min left" */
export function progressText({ phase, doneBytes, totalBytes }: DownloadProgress, rate: number | undefined): string {
  const parts = [
    ...(totalBytes ? [`${percent(doneBytes, totalBytes)}%`] : []),
    totalBytes ? `${formatSize(doneBytes)} of ${formatSize(totalBytes)}` : formatSize(doneBytes),
  ];
  if (phase === "verify") return `checking ${parts.join(", ")}`;
  if (rate !== undefined && rate > 0) {
    parts.push(`${rate < 10e6 ? (rate / 1e6).toFixed(1) : Math.round(rate / 1e6)} MB/s`);
    if (totalBytes) parts.push(timeLeft((totalBytes - doneBytes) / rate));
  }
  return parts.join(", ");
}

/** What is told of a model in the view: its state, and how far it is. */
export interface Told {
  state: "ready" | "converted" | "converting" | "damaged" | "downloading" | "elsewhere" | "stopped";
  /** What it is in use for. */
  inUse?: string | undefined;
  /** Of a download in this window, once there is something to tell. */
  progress?: DownloadProgress | undefined;
  rate?: number | undefined;
  converting?: ConvertProgress | undefined;
  /** How much is there of one that is not complete: "43%". */
  share: string;
  paused?: boolean;
  conversionPaused?: boolean;
}

/** "downloading 43%, 2.1 GiB of 4.9 GiB, 32 MB/s", "paused at 43%", "in use for chat, converted" */
export function stateText({ state, inUse, progress, rate, share, ...more }: Told): string {
  switch (state) {
    case "ready":
      return `${inUse ?? "ready"}${more.conversionPaused ? ", conversion stopped" : ""}`;
    case "converted":
      return inUse ? `${inUse}, converted` : "converted";
    case "converting":
      return conversionText(more.converting);
    case "damaged":
      return "damaged";
    case "downloading":
      if (!progress) return "downloading";
      return `${progress.phase === "verify" ? "" : "downloading "}${progressText(progress, rate)}`;
    case "elsewhere":
      return `downloading ${share} in another window`;
    case "stopped":
      return `${more.paused ? "paused" : "stopped"} at ${share}`;
  }
}

/** Each stage, and where it begins on the way: most of the time goes into calibration and layers. */
const stages: Record<ConvertProgress["stage"], { words: string; from: number; to: number }> = {
  quantize: { words: "quantizing", from: 0, to: 0 },
  calibrate: { words: "running a calibration text", from: 0, to: 40 },
  layers: { words: "fitting and writing layers", from: 40, to: 85 },
  write: { words: "writing the rest", from: 85, to: 90 },
  verify: { words: "comparing with the source", from: 90, to: 100 },
};

/** About how much of a conversion is done, in percent. */
export function conversionPercent({ stage, done, total }: ConvertProgress): number {
  const { from, to } = stages[stage];
  return Math.floor(from + ((to - from) * done) / Math.max(1, total));
}

/** "converting 43%, fitting and writing layers" */
export function conversionText(progress: ConvertProgress | undefined): string {
  return progress ? `converting ${conversionPercent(progress)}%, ${stages[progress.stage].words}` : "converting";
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
    return `not enough disk: takes ${gigabytes(needed)}, ${gigabytes(free)} are free in ${folder}`;
  }
  const size = bytes === undefined ? "size not known," : gigabytes(bytes);
  return `${size} to ${folder}${free === undefined ? "" : ` (${gigabytes(free)} free)`}`;
}

/** "45 MB more of the disk, and meanwhile up to 446 MiB of memory, which the model in use makes room for" */
export function conversionCost({ modelBytes, storeBytes, memoryBytes }: ConversionPlan): string {
  return `${gigabytes(modelBytes + storeBytes)} more of the disk, and meanwhile up to ${formatSize(memoryBytes)} of memory, which the model in use makes room for`;
}

/** Which model does what: one does both, unless suggestions have their own. */
export interface Uses {
  /** Path of the chat's model. */
  chat: string | undefined;
  /** Path of that of suggestions. */
  inline: string | undefined;
  /** It was not loaded, so the chat's does the suggestions. */
  inlineRefused: boolean;
}

/** "in use for chat"; undefined for a model that is not in use. */
export function useOf(path: string, { chat, inline, inlineRefused }: Uses): string | undefined {
  if (path === chat) return inline === undefined || inlineRefused ? "in use" : "in use for chat";
  if (path === inline) return inlineRefused ? "chosen for suggestions, not loaded" : "in use for suggestions";
  return undefined;
}

export function percent(done: number, total: number): number {
  return Math.max(0, Math.min(100, Math.floor((done / total) * 100)));
}

/** "about 2 min left" */
export function timeLeft(seconds: number): string {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s left`;
  if (seconds < 90 * 60) return `about ${Math.round(seconds / 60)} min left`;
  return `about ${Math.round(seconds / 3600)} h left`;
}

/** Whether less would be read of a converted model: nothing is where all of it is in memory. */
export function conversionHelps({ fits, weights }: Plan): boolean {
  return !fits || weights.streamedBytes > 0;
}

/** "fits in 4.0 GiB, about 5.2 tokens/s", or what it would need. */
export function fitText(plan: Plan, ramCapBytes: number): string {
  if (!plan.fits) return `needs ${formatAtLeast(plan.minimumCapBytes)}, the cap is ${formatSize(ramCapBytes)}`;
  const speed = plan.estimatedTokensPerSecond;
  const rate = speed === undefined ? "" : `, about ${speed < 10 ? speed.toFixed(1) : Math.round(speed)} tokens/s`;
  return `fits in ${formatSize(ramCapBytes)}${rate}`;
}
