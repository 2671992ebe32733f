import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as z from "zod";
import { readJson, removeLeftovers, versionOf, writeJson } from "./atomicJson.js";

const schema = z.object({ count: z.int() });

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-json-"));
  file = path.join(folder, "inner", "state.json");
});
afterEach(() => rm(folder, { recursive: true }));

const names = () => readdir(path.dirname(file));

test("what was written is read again, by the user only, and leaves nothing else", async () => {
  expect(await readJson(file, schema)).toEqual({ kind: "absent" });
  const before = await writeJson(file, { count: 1 });
  const version = await writeJson(file, { count: 2 });
  expect(await readJson(file, schema)).toEqual({ kind: "value", value: { count: 2 } });
  expect(await names()).toEqual(["state.json"]);
  if (process.platform !== "win32") expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(version).toEqual(await versionOf(file));
  expect(version).not.toEqual(before);
});

test.each(["{", '{"count":"1"}', ""])("a damaged file is told from one that is not there: %j", async (text) => {
  await writeJson(file, { count: 1 });
  await writeFile(file, text);
  expect(await readJson(file, schema)).toEqual({ kind: "damaged", reason: expect.stringContaining(file) });
});

test("a folder by that name is an error of the disk", async () => {
  await expect(readJson(folder, schema)).rejects.toMatchObject({ code: "EISDIR" });
});

test("what can't be written leaves the old file", async () => {
  await writeJson(file, { count: 1 });
  await expect(writeJson(file, { count: 1n })).rejects.toThrow(TypeError);
  expect(await readFile(file, "utf8")).toBe('{"count":1}');
  expect(await names()).toEqual(["state.json"]);
});

test("many that write at once leave one whole file", async () => {
  await Promise.all(Array.from({ length: 30 }, (_, count) => writeJson(file, { count })));
  expect(await readJson(file, schema)).toMatchObject({ kind: "value" });
  expect(await names()).toEqual(["state.json"]);
});

test("a process that is killed while it writes leaves the old file or the new one; the rest is removed", async () => {
  const script = path.join(folder, "writer.mjs");
  const source = path.resolve(import.meta.dirname, "atomicJson.ts");
  const contents = `import { writeJson } from ${JSON.stringify(source)};
    const padding = "x".repeat(100_000);
    for (let count = 0; ; count++) { await writeJson(process.argv[2], { count, padding }); process.stdout.write("."); }`;
  await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: "ts" },
    ...{ bundle: true, platform: "node", format: "esm", outfile: script },
  });
  for (let round = 0; round < 5; round++) {
    const writer = spawn(process.execPath, [script, file], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise((resolve) => writer.once("exit", resolve));
    // After another number of files each time, in the middle of the next.
    for (let written = 0; written <= round; written++) {
      await new Promise((resolve) => writer.stdout.once("data", resolve));
    }
    writer.kill("SIGKILL");
    await ended;
    expect(await readJson(file, schema)).toMatchObject({ kind: "value" });
  }
  await writeFile(`${file}.123.new`, "{");
  await removeLeftovers(file);
  expect(await names()).toEqual(["state.json"]);
});
