/**
 * A memory cgroup to start one process in (Linux): the kernel then counts all its memory, page cache included, and
 * kills it rather than let it have more. Works with both versions of cgroups, where this user may make one.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import pRetry from "p-retry";
import { hasCode } from "../../protocol/systemErrors.js";

export interface MemoryUsage {
  /** The most that was charged at a time, in bytes, page cache included; absent where the kernel does not keep it. */
  peakBytes?: number;
  /** Processes that the kernel killed because the limit was reached. */
  oomKills: number;
}

/** A cgroup of its own for what is started through `launcher`. */
export interface MemoryCgroup {
  readonly version: 1 | 2;
  /** In bytes. */
  readonly limitBytes: number;
  /** Whether the kernel is kept from swapping its memory out, which would be memory beyond the limit. */
  readonly swapHeld: boolean;
  /** A command and its first arguments: enters the cgroup, then becomes the command that follows. */
  readonly launcher: readonly string[];
  usage(): Promise<MemoryUsage>;
  /** Kills what is left in it, and removes it. */
  remove(): Promise<void>;
}

/** Why there is none, in words for a person. */
export class NoCgroup extends Error {}

/** The names that a version has for things, and what keeps it from swapping: the first that the kernel has. */
interface Interface {
  limit: string;
  peak: string;
  events: string;
  swap(limitBytes: number): [name: string, value: number][];
}

const interfaces: Record<1 | 2, Interface> = {
  1: {
    limit: "memory.limit_in_bytes",
    peak: "memory.max_usage_in_bytes",
    events: "memory.oom_control",
    // Memory and swap together; or, where swap is not counted, the advice not to swap.
    swap: (limitBytes) => [
      ["memory.memsw.limit_in_bytes", limitBytes],
      ["memory.swappiness", 0],
    ],
  },
  2: {
    limit: "memory.max",
    peak: "memory.peak",
    events: "memory.events",
    swap: () => [["memory.swap.max", 0]],
  },
};

/** What this module reads of the system; tests put another in its place. */
export interface CgroupSystem {
  /** `/proc/self/mountinfo` */
  mounts: string;
  /** `/proc/self/cgroup` */
  membership: string;
}

/**
 * Makes a cgroup below the one that this process is in, or below the nearest above that hands out memory limits.
 * @param limitBytes of the cgroup; the kernel rounds it down to whole pages
 * @throws NoCgroup where the system has none or does not let this user make one
 */
export async function createMemoryCgroup(limitBytes: number, signal?: AbortSignal): Promise<MemoryCgroup> {
  const system = await readSystem();
  const reasons: string[] = [];
  for (const { version, path } of memoryCgroups(system)) {
    try {
      return await createIn(path, version, limitBytes, signal);
    } catch (error) {
      signal?.throwIfAborted();
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new NoCgroup(reasons[0] ?? "this system has no memory cgroups");
}

async function readSystem(): Promise<CgroupSystem> {
  if (process.platform !== "linux") throw new NoCgroup("only Linux has memory cgroups");
  const [mounts, membership] = await Promise.all([
    readFile("/proc/self/mountinfo", "utf8"),
    readFile("/proc/self/cgroup", "utf8"),
  ]);
  return { mounts, membership };
}

/** Where cgroups that limit memory can be made, most wanted first. */
export function memoryCgroups({ mounts, membership }: CgroupSystem): { version: 1 | 2; path: string }[] {
  const mounted = mounts.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root = "/", point = ""] = left.split(" ");
    const [type = "", , options = ""] = right.split(" ");
    return [{ root, point, type, options: options.split(",") }];
  });
  const paths = membership.split("\n").map((line) => {
    const [, controllers = "", ...path] = line.split(":");
    return { controllers: controllers.split(","), path: path.join(":") };
  });
  const own = (mount: { root: string; point: string }, path: string): string => {
    const inside = relative(mount.root, path);
    // A process whose own is outside of what is mounted, as in some containers, sees the mount as its root.
    return inside.startsWith("..") ? mount.point : join(mount.point, inside);
  };

  const first = mounted.find(({ type, options }) => type === "cgroup" && options.includes("memory"));
  const firstPath = paths.find(({ controllers }) => controllers.includes("memory"))?.path;
  if (first && firstPath !== undefined) return [{ version: 1, path: own(first, firstPath) }];

  const second = mounted.find(({ type }) => type === "cgroup2");
  const secondPath = paths.find(({ controllers }) => controllers.length === 1 && controllers[0] === "")?.path;
  if (!second || secondPath === undefined) return [];
  const found: { version: 2; path: string }[] = [];
  // One with processes in it, as our own, cannot hand out limits: the nearest above that does is next best.
  for (let path = own(second, secondPath); ; path = dirname(path)) {
    found.push({ version: 2, path });
    if (path === second.point || path === dirname(path)) return found;
  }
}

let made = 0;

async function createIn(
  parent: string,
  version: 1 | 2,
  limitBytes: number,
  signal: AbortSignal | undefined,
): Promise<MemoryCgroup> {
  const files = interfaces[version];
  if (version === 2) {
    const controllers = await readFile(join(parent, "cgroup.subtree_control"), "utf8");
    if (!controllers.split(/\s+/).includes("memory")) throw new Error(`${parent} hands out no memory limits`);
  }
  const path = join(parent, `flint-${process.pid}-${++made}`);
  await mkdir(path);
  try {
    await writeFile(join(path, files.limit), `${limitBytes}`);
    const launcher = ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', path];
    const swapHeld = await holdSwap(path, files.swap(limitBytes));
    // To make one and to enter it are different permissions.
    const [shell = "", ...args] = launcher;
    await promisify(execFile)(shell, [...args, "true"], { ...(signal ? { signal } : {}) });
    return {
      version,
      limitBytes,
      swapHeld,
      launcher,
      usage: () => usage(path, files),
      remove: () => remove(path),
    };
  } catch (error) {
    await remove(path);
    throw error;
  }
}

/** @returns whether one of these could be set; a kernel that counts no swap, or has none, lacks some. */
async function holdSwap(path: string, settings: [name: string, value: number][]): Promise<boolean> {
  for (const [name, value] of settings) {
    try {
      // Not created where it is missing.
      await writeFile(join(path, name), `${value}`, { flag: "r+" });
      return true;
    } catch (error) {
      if (!hasCode(error, "ENOENT", "EACCES")) throw error;
    }
  }
  return false;
}

async function usage(path: string, files: Interface): Promise<MemoryUsage> {
  const events = await readFile(join(path, files.events), "utf8");
  const oomKills = Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
  try {
    return { peakBytes: Number(await readFile(join(path, files.peak), "utf8")), oomKills };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return { oomKills };
    throw error;
  }
}

async function remove(path: string): Promise<void> {
  const removeOnce = async () => {
    try {
      await rmdir(path);
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
  };
  // A process that has just ended is still in it for a moment.
  await pRetry(removeOnce, {
    ...{ retries: 100, minTimeout: 20, factor: 1 },
    shouldRetry: ({ error }) => hasCode(error, "EBUSY"),
    onFailedAttempt: async ({ error }) => {
      if (!hasCode(error, "EBUSY")) return;
      const left = (await readFile(join(path, "cgroup.procs"), "utf8")).split("\n").filter((pid) => pid !== "");
      for (const pid of left) kill(Number(pid));
    },
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}
