import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { acquireLock, isLocked } from "./lock.js";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-lock-"));
  file = path.join(folder, "model.lock");
});
afterEach(() => rm(folder, { recursive: true }));

/** A process that has ended. */
const deadPid = () => spawnSync(process.execPath, ["-e", ""]).pid;
const owner = (pid: number, host = hostname()) => JSON.stringify({ pid, host, id: "x" });

test("a lock is held by one, until it is released", async () => {
  const lock = await acquireLock(file);
  await lock.check();
  expect(await isLocked(file)).toBe(true);
  await expect(acquireLock(file)).rejects.toMatchObject({ kind: "busy" });
  await lock.release();
  expect(await isLocked(file)).toBe(false);
  await (await acquireLock(file)).release();
  expect(await readdir(folder)).toEqual([]);
});

test("a dead process's lock is nobody's", async () => {
  await writeFile(file, owner(deadPid()));
  expect(await isLocked(file)).toBe(false);
  await (await acquireLock(file)).release();
});

test("neither is one that has not been touched for long, whoever has its process id now", async () => {
  await writeFile(file, owner(process.pid));
  await expect(acquireLock(file)).rejects.toMatchObject({ kind: "busy" });
  await utimes(file, 0, 0);
  await (await acquireLock(file)).release();
});

test("of another machine's process only time tells", async () => {
  await writeFile(file, owner(deadPid(), "elsewhere"));
  await expect(acquireLock(file)).rejects.toMatchObject({ kind: "busy" });
});

test("of many that find a dead one, one gets it", async () => {
  await writeFile(file, owner(deadPid()));
  const tried = await Promise.allSettled(Array.from({ length: 20 }, () => acquireLock(file)));
  expect(tried.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
}, 60_000);

test("who has lost it learns of it", async () => {
  const lock = await acquireLock(file);
  await writeFile(file, owner(process.pid));
  await expect(lock.check()).rejects.toMatchObject({ kind: "busy" });
  await lock.release();
  expect(await isLocked(file)).toBe(true);
});
