/** Disk space, and errors of disks. */

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import * as l10n from "@vscode/l10n";
import { hasCode } from "../protocol/systemErrors.js";
import { DownloadError } from "./errors.js";

/** Bytes that may still be written to the disk of this folder, which need not be there yet. */
export async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(folder);
    if (!hasCode(error, "ENOENT") || parent === folder) throw error;
    return freeBytes(parent);
  }
}

/** As "18.2 GB": decimal, as disks and download pages count. @param language of the decimal point */
export function gigabytes(bytes: number, language = "en"): string {
  if (bytes < 1e9) return `${Math.ceil(bytes / 1e6)} MB`;
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1, useGrouping: false };
  return `${(bytes / 1e9).toLocaleString(language, digits)} GB`;
}

/**
 * @param needed bytes that are still to be written
 * @throws DownloadError `disk` when they do not fit
 */
export async function requireDiskSpace(folder: string, needed: number): Promise<void> {
  const free = await freeBytes(folder);
  if (needed <= free) return;
  throw new DownloadError(
    "disk",
    l10n.t(
      "Not enough disk space: {0} are still needed, {1} are free in {2}. Free some space or choose another folder. What has arrived is kept.",
      gigabytes(needed),
      gigabytes(free),
      folder,
    ),
  );
}

/** An error of the file system as one of downloads. */
export function diskError(error: unknown, folder: string): Error {
  if (error instanceof DownloadError) return error;
  const why = hasCode(error, "ENOSPC", "EDQUOT")
    ? l10n.t("The disk of {0} is full. Free some space and try again. What has arrived is kept.", folder)
    : l10n.t("The disk failed in {0}: {1}", folder, error instanceof Error ? error.message : String(error));
  return new DownloadError("disk", why, { cause: error });
}
