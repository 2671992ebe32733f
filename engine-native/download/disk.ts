/** Room on a disk, and what goes wrong with one. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { DownloadError, hasCode } from "./errors.js";

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

/** As "18.2 GB": decimal, as disks and download pages count. */
export function gigabytes(bytes: number): string {
  return bytes < 1e9 ? `${Math.ceil(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/**
 * @param needed bytes that are still to be written
 * @throws DownloadError `disk` when they do not fit
 */
export async function requireRoom(folder: string, needed: number): Promise<void> {
  const free = await freeBytes(folder);
  if (needed <= free) return;
  throw new DownloadError(
    "disk",
    `Not enough disk: ${gigabytes(needed)} are still to be written, ${gigabytes(free)} are free in ${folder}. Make room or choose another folder; what is there is kept.`,
  );
}

/** An error of the file system as one of downloads. */
export function diskError(error: unknown, folder: string): Error {
  if (error instanceof DownloadError) return error;
  const why = hasCode(error, "ENOSPC", "EDQUOT")
    ? `The disk is full: no more can be written to ${folder}. Make room and try again; what is there is kept.`
    : `The disk failed in ${folder}: ${error instanceof Error ? error.message : String(error)}`;
  return new DownloadError("disk", why, { cause: error });
}
