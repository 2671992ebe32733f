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
