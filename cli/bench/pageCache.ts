/** Makes caches cold: what the kernel keeps of a file in memory is dropped. */
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { promisify } from "node:util";
import { formatSize } from "../../protocol/size.js";
import { hasCode } from "../../protocol/systemErrors.js";

const command = promisify(execFile);
/** Of a file that may stay in memory: the kernel keeps some pages for reasons of its own. */
const toleratedShare = 0.01;

/**
 * Drops files from the page cache. Node cannot tell the kernel to; GNU dd can.
 * @returns what kept the caches from being cold, in words for a person; undefined when they are
 */
export async function dropFromPageCache(files: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  for (const file of files) {
    try {
      await command("dd", [`if=${file}`, "iflag=nocache", "count=0", "status=none"], { signal });
      const left = await cachedBytes(file, signal);
      if (left > toleratedShare * (await stat(file)).size) return `${formatSize(left)} of the file stayed in memory`;
    } catch (error) {
      signal.throwIfAborted();
      return `dd of GNU coreutils could not drop the file from memory (${firstLine(error)})`;
    }
  }
  return undefined;
}

/** Bytes of the file in memory; 0 where nothing tells. */
async function cachedBytes(file: string, signal: AbortSignal): Promise<number> {
  try {
    const { stdout } = await command("fincore", ["--bytes", "--noheadings", "--output", "RES", file], { signal });
    return Number(stdout);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return 0;
    throw error;
  }
}

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split("\n")[0];
