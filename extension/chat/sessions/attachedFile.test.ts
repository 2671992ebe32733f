import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AttachedFile } from "./attachedFile.js";

let file: string;
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), "flint-attached-")), "attached.json");
});
afterEach(() => rm(join(file, ".."), { recursive: true }));

const none = () => undefined;
const attachment = { label: "a.ts 2", name: "a.ts", path: "src/a.ts", firstLine: 2, language: "typescript", text: "a" };
function context(key: string) {
  const content = { attachments: [attachment], omitted: "The rest is left out." };
  return { source: { key, label: key, icon: "file", uri: "file:///a.ts", read: async () => content }, content };
}

test("what is attached is there after a restart, and what was taken away is not", async () => {
  const store = await AttachedFile.open(file, none);
  expect(store.before).toEqual([]);
  await Promise.all([store.store([context("a")]), store.store([context("a"), context("b")])]);
  const stored = (key: string) => ({
    ...{ key, label: key, icon: "file", uri: "file:///a.ts" },
    ...{ attachments: [attachment], omitted: "The rest is left out." },
  });
  const next = await AttachedFile.open(file, none);
  expect(next.before).toEqual([stored("a"), stored("b")]);
  await next.store([]);
  expect((await AttachedFile.open(file, none)).before).toEqual([]);
});

test("a damaged file is told in the log, and written anew", async () => {
  await writeFile(file, '{"version":1,"attached":[{');
  const said: string[] = [];
  const store = await AttachedFile.open(file, (line) => said.push(line));
  expect(store.before).toEqual([]);
  expect(said.join()).toContain(file);
  await store.store([context("a")]);
  expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ attached: [{ key: "a" }] });
});
