/** A disk that has become slow: answers take longer than was said, and users should know why. */
import type { FlashStats, Plan } from "./protocol.js";
import { formatSize } from "./size.js";

/** How much slower than when the model was loaded is worth a word: disks of laptops vary by two by themselves. */
const slowFactor = 4;
/** Reads of less than this tell nothing of a disk, in bytes. */
const tellingBytes = 32e6;

/** In words, while the disk gives nothing at all. */
export function silentDisk(silentMs: number): string {
  return `Waiting for the disk: no data for ${Math.round(silentMs / 1000)} s`;
}

/** In words, when the disk gave much less for this answer than when the model was loaded. */
export function slowDisk(
  measured: Plan["measured"],
  { readBytes, diskBytesPerSecond }: Pick<FlashStats, "readBytes" | "diskBytesPerSecond">,
): string | undefined {
  if (!measured || diskBytesPerSecond === undefined || readBytes < tellingBytes) return undefined;
  if (diskBytesPerSecond * slowFactor > measured.diskBytesPerSecond) return undefined;
  const now = formatSize(diskBytesPerSecond);
  const before = formatSize(measured.diskBytesPerSecond);
  return `the disk is slow: ${now}/s, ${before}/s when the model was loaded; other programs may be using it`;
}
