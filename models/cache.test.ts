import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cached, cacheFolder } from "./cache.mjs";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "flint-cache-"));
  vi.stubEnv("XDG_CACHE_HOME", home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const write = (text: string) => (file: string) => writeFile(file, text);

test("what is there is not made again", async () => {
  const file = await cached("a/b.txt", 0, write("first"));
  expect(file).toBe(path.join(home, "flint/a/b.txt"));
  expect(await cached("a/b.txt", 0, write("second"))).toBe(file);
  expect(await readFile(file, "utf8")).toBe("first");
  expect(await readdir(path.dirname(file))).toEqual(["b.txt"]);
});

test("a failure leaves nothing behind, and the next try may succeed", async () => {
  const fail = async (file: string) => {
    await writeFile(file, "half");
    throw new Error("broken off");
  };
  await expect(cached("a.txt", 0, fail)).rejects.toThrow("broken off");
  expect(await readdir(cacheFolder())).toEqual([]);
  expect(await readFile(await cached("a.txt", 0, write("whole")), "utf8")).toBe("whole");
});

test("of two at once both get the same whole file", async () => {
  const both = await Promise.all([cached("a.txt", 0, write("whole")), cached("a.txt", 0, write("whole"))]);
  expect(new Set(both).size).toBe(1);
  expect(await readdir(cacheFolder())).toEqual(["a.txt"]);
});

test("a disk that is too small is told before anything is fetched", async () => {
  const fill = vi.fn();
  await expect(cached("a.txt", 2 ** 60, fill)).rejects.toThrow(/^Not enough disk: \d+ MB are needed, \d+ MB are free/);
  expect(fill).not.toHaveBeenCalled();
});
