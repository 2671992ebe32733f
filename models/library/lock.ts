/**
 * One download of a model at a time, whatever window or terminal it runs in. Not proper-lockfile's: its lock names no
 * process, so that one of a killed process holds everybody up until it is stale.
 */

import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as l10n from "@vscode/l10n";
import * as z from "zod";
import { processRuns } from "../../protocol/processRuns.js";
import { hasCode } from "../../protocol/systemErrors.js";
import { DownloadError } from "../errors.js";

/** How often a lock says that it is alive, and after how long it is taken for dead: a process id may be another's. */
const heartbeatMs = 10_000;
const staleMs = 60_000;

const ownerSchema = z.object({ pid: z.int().positive(), host: z.string(), id: z.string() });

export interface Lock {
  /** @throws DownloadError `busy` when another process has taken it, as after a long sleep of the machine */
  check(): Promise<void>;
  release(): Promise<void>;
}

/** Whether a process holds this lock now. */
export async function isLocked(path: string): Promise<boolean> {
  const text = await readLock(path);
  return text !== undefined && (await isAlive(path, text));
}

/** @throws DownloadError `busy` while another process holds it */
export async function acquireLock(path: string): Promise<Lock> {
  await mkdir(dirname(path), { recursive: true });
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() });
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, mine, { flag: "wx" });
  try {
    await takeName(path, temporary);
  } finally {
    await rm(temporary, { force: true });
  }
  await sweep(path);
  const heartbeat = setInterval(() => {
    const now = new Date();
    // Where it fails the lock is gone, which `check` tells.
    utimes(path, now, now).catch(() => undefined);
  }, heartbeatMs);
  heartbeat.unref();
  return {
    async check() {
      if ((await readLock(path)) !== mine) throw busy();
    },
    async release() {
      clearInterval(heartbeat);
      if ((await readLock(path)) === mine) await rm(path, { force: true });
    },
  };
}

/** Gives the file `temporary` the name `path` as well, unless a living process has a file of that name. */
async function takeName(path: string, temporary: string): Promise<void> {
  // Each round ends with the name, with an error, or with one dead lock less.
  for (let round = 0; round < 1000; round++) {
    try {
      await link(temporary, path);
      return;
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
    const found = await readLock(path);
    if (found === undefined) continue;
    if (await isAlive(path, found)) throw busy();
    await removeStale(path, found, temporary);
  }
  throw busy();
}

/** Removes what processes left that died while they were taking the lock. */
async function sweep(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    if (!file.startsWith(`${path}.`)) continue;
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > staleMs) await rm(file, { force: true });
  }
}

/**
 * Removes a dead lock. Only one process at a time may: else one that is slow could remove the new lock of another that
 * was quick.
 */
async function removeStale(path: string, dead: string, temporary: string): Promise<void> {
  const turn = `${path}.turn`;
  try {
    await link(temporary, turn);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    const other = await readLock(turn);
    if (other !== undefined && !(await isAlive(turn, other))) await rm(turn, { force: true });
    else await sleep(5);
    return;
  }
  try {
    if ((await readLock(path)) === dead) await rm(path, { force: true });
  } finally {
    await rm(turn, { force: true });
  }
}

async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

async function isAlive(path: string, text: string): Promise<boolean> {
  const touched = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (Date.now() - touched > staleMs) return false;
  const owner = ownerSchema.safeParse(parse(text));
  if (!owner.success) return false;
  // Of another machine's process only the time tells, as on a network drive.
  if (owner.data.host !== hostname()) return true;
  return processRuns(owner.data.pid);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const busy = () =>
  new DownloadError(
    "busy",
    l10n.t("Another window or terminal is downloading this model already. See its progress there."),
  );
