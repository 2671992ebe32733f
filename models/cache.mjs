// What is fetched once lives outside the checkout, so that a new clone finds it.
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

/**
 * The folder for everything fetched, `flint` inside the user's cache folder.
 * @returns {string} an absolute path, which need not exist yet
 */
export function cacheFolder() {
  const { XDG_CACHE_HOME } = process.env;
  return path.resolve(XDG_CACHE_HOME || path.join(homedir(), ".cache"), "flint");
}

/**
 * Whether something is there under this path.
 * @param {string} file
 * @throws when the file system fails in any way but "not there"
 */
export async function exists(file) {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return false;
    throw error;
  }
}

/**
 * @param {unknown} error
 * @param {string} code of a system error, such as ENOENT
 */
function isCode(error, code) {
  return error instanceof Error && "code" in error && error.code === code;
}

/**
 * Returns the path of `name` in the cache; where it is missing, lets `fill` make it under a temporary name first, so
 * that an interrupted run leaves nothing half done under the final one. Of two runs at once the first to finish wins.
 * @param {string} name a path inside the cache; carry the version in it: what is there is never looked at again
 * @param {number} bytes the disk space that filling takes
 * @param {(temporary: string) => Promise<void>} fill makes a file or a folder at the path it is given
 * @returns {Promise<string>}
 * @throws when the disk has too little room, or `fill` does
 */
export async function cached(name, bytes, fill) {
  const final = path.join(cacheFolder(), name);
  if (await exists(final)) return final;
  const parent = path.dirname(final);
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  await requireSpace(parent, bytes);
  const workshop = await mkdtemp(path.join(parent, ".incoming-"));
  try {
    const temporary = path.join(workshop, path.basename(final));
    await fill(temporary);
    await rename(temporary, final).catch((error) => {
      // A folder does not replace one that another run has put there meanwhile.
      if (!isCode(error, "ENOTEMPTY") && !isCode(error, "EEXIST")) throw error;
    });
    await syncFolder(parent);
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
  return final;
}

/** @param {string} folder whose unfinished contents of an interrupted run take space for nothing */
async function removeAbandoned(folder) {
  const dayAgo = Date.now() - 86_400_000;
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    if (!name.startsWith(".incoming-")) continue;
    const found = await stat(file).catch((error) => {
      // A run beside this one has just finished with it.
      if (!isCode(error, "ENOENT")) throw error;
      return undefined;
    });
    if (found && found.mtimeMs < dayAgo) await rm(file, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @param {number} bytes
 */
async function requireSpace(folder, bytes) {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < bytes) {
    const megabytes = (/** @type {number} */ size) => `${Math.ceil(size / 1e6)} MB`;
    throw new Error(
      `Not enough disk: ${megabytes(bytes)} are needed, ${megabytes(free)} are free in ${folder}. ` +
        "Free some, or set XDG_CACHE_HOME to another disk.",
    );
  }
}

/** @param {string} folder */
async function syncFolder(folder) {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
