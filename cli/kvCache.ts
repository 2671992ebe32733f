/** Where the command line keeps KV caches: in the system's folder for caches. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { LoadParams } from "../protocol/messages.js";

/** @param budgetBytes 0: nothing is kept */
export const kvCacheParams = (budgetBytes: number): Pick<LoadParams, "kvCache"> =>
  budgetBytes === 0 ? {} : { kvCache: { folder: join(cacheFolder(), "flint", "kv-cache"), budgetBytes } };

function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  switch (process.platform) {
    case "win32":
      return LOCALAPPDATA || join(homedir(), "AppData", "Local");
    case "darwin":
      return join(homedir(), "Library", "Caches");
    default:
      return XDG_CACHE_HOME || join(homedir(), ".cache");
  }
}
