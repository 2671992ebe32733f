/** How many processors this process may use. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/**
 * How many threads compute: one for each core, unless this process may use fewer, as in a container with a limit. More of them
 * would be stopped by the kernel in the middle of a pass, in which all threads wait for each other.
 * @param cores that the machine has for arithmetic
 */
export function computingThreads(cores: number): number {
  return Math.max(1, Math.min(cores, availableParallelism(), Math.floor(processorQuota() ?? cores)));
}

/**
 * The processor time that Linux's control groups let this process have in each second, in seconds; undefined where nothing
 * limits it. A process is limited by its own group and by all above that (Linux's documentation, "Control Group v2", cpu.max,
 * and "CFS Bandwidth Control" for version 1).
 * @param root of the file system
 */
export function processorQuota(root = "/"): number | undefined {
  const quotas = groupFolders(join(root, "proc/self/cgroup")).flatMap((folder) => {
    const [quota, period] = limitOf(join(root, folder));
    return quota > 0 && period > 0 ? [quota / period] : [];
  });
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/** The folders of the groups. In a container the path of a group may be that of its host: then only the topmost is there. */
function groupFolders(list: string): string[] {
  return (read(list) ?? "").split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined || controllers === undefined) return [];
    if (controllers !== "" && !controllers.split(",").includes("cpu")) return [];
    const names = path.split("/").filter(Boolean);
    return [...names.keys(), names.length].map((count) => join("sys/fs/cgroup", controllers, ...names.slice(0, count)));
  });
}

/** Both in microseconds; not positive where there is no limit. */
function limitOf(folder: string): [quota: number, period: number] {
  const [quota = "", period = ""] = (read(join(folder, "cpu.max")) ?? "").trim().split(" ");
  if (period !== "") return [Number(quota) || 0, Number(period) || 0];
  const old = (name: string) => Number(read(join(folder, `cpu.cfs_${name}_us`))) || 0;
  return [old("quota"), old("period")];
}

/** Undefined where there is no such file, or it may not be read: then it limits nothing that we know of. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
