/** Text that a command is given in a file. */
import { readFile } from "node:fs/promises";
import { UsageError } from "./exit.js";

/** @throws UsageError where it cannot be read. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
}
