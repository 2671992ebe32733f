import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newKvCacheFile, whileWritten } from "../../protocol/kvCacheFiles.js";
import { KvCacheFolder } from "./kvCache.js";

const key = "0123456789abcdef".repeat(4);

async function folderWith(...names: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "flint-kv-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of names) await writeFile(join(folder, name), "");
  return folder;
}

test("of a deleted conversation all files go, those that are being written as well, once the engine knows", async () => {
  const [own, other, none] = [newKvCacheFile(key, "own"), newKvCacheFile(key, "other"), newKvCacheFile(key)];
  const folder = await folderWith(own, whileWritten(newKvCacheFile(key, "own")), other, none, "notes.txt");
  const told: [string, number][] = [];
  const engine = {
    forgetSession: async (sessionId: string) => void told.push([sessionId, (await readdir(folder)).length]),
  };
  await new KvCacheFolder(folder, engine).forget("own");
  expect(told).toEqual([["own", 5]]);
  expect((await readdir(folder)).sort()).toEqual([other, none, "notes.txt"].sort());
});

test("of a deleted conversation all files go, also where the engine ends meanwhile", async () => {
  const folder = await folderWith(newKvCacheFile(key, "own"));
  const kvCache = new KvCacheFolder(folder, { forgetSession: () => Promise.reject(new Error("It stopped.")) });
  await expect(kvCache.forget("own")).rejects.toThrow("It stopped.");
  expect(await readdir(folder)).toEqual([]);
});

test("all goes that is ours, and nothing else", async () => {
  const folder = await folderWith(newKvCacheFile(key), whileWritten(newKvCacheFile(key, "own")), "notes.txt", "a.kv");
  const kvCache = new KvCacheFolder(folder, { forgetSession: async () => undefined });
  await kvCache.clear();
  expect((await readdir(folder)).sort()).toEqual(["a.kv", "notes.txt"]);
  // Nothing was kept yet.
  await new KvCacheFolder(join(folder, "missing"), { forgetSession: async () => undefined }).clear();
});
