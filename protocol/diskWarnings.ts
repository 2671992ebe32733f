/** Messages about a slow disk: answers take longer than estimated, and users should know why. */
import * as l10n from "@vscode/l10n";
import type { FlashStats, Plan } from "./messages.js";
import { formatSize } from "./size.js";

/** How many times slower than when the model was loaded is reported: disks of laptops vary twofold by themselves. */
const slowFactor = 4;
/** Fewer bytes than this are no measure of a disk. */
const meaningfulBytes = 32e6;

/** The message while the disk delivers nothing. */
export function stalledDisk(stalledMs: number): string {
  return l10n.t("Waiting for the disk: no data for {0} s", Math.round(stalledMs / 1000));
}

/** The message where the disk was much slower for this answer than when the model was loaded. */
export function slowDisk(
  measured: Plan["measured"],
  { readBytes, diskBytesPerSecond }: Pick<FlashStats, "readBytes" | "diskBytesPerSecond">,
  formatBytes: (bytes: number) => string = formatSize,
): string | undefined {
  if (!measured || diskBytesPerSecond === undefined || readBytes < meaningfulBytes) return undefined;
  if (diskBytesPerSecond * slowFactor > measured.diskBytesPerSecond) return undefined;
  const now = formatBytes(diskBytesPerSecond);
  const before = formatBytes(measured.diskBytesPerSecond);
  return l10n.t(
    "the disk is slow: {0}/s, {1}/s when the model was loaded; other programs may be using it",
    now,
    before,
  );
}
