import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newConversion, writeConversion } from "./conversion.js";
import { deleteModel, type LibraryModel, listLibrary, moveLibrary, verifyModel } from "./library.js";
import { fresh, type ModelRecord, partPath, workFolder, writeRecord } from "./record.js";

let folder: string;
const { signal } = new AbortController();
const content = Buffer.from("GGUF and weights");

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-library-"));
  await mkdir(workFolder(folder));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const record = (name: string, more: Partial<ModelRecord> = {}): ModelRecord => ({
  version: 1,
  reference: "owner/repo",
  client: "fetch",
  transfers: [{ url: "https://hub.example/m.gguf", bytes: content.length, state: fresh() }],
  files: [
    {
      name,
      bytes: content.length,
      digest: { algorithm: "sha256", hex: createHash("sha256").update(content).digest("hex") },
    },
  ],
  ...more,
});
const verified = { at: "2026-01-01T00:00:00.000Z" };

async function only(): Promise<LibraryModel> {
  const models = await listLibrary(folder);
  if (models.length !== 1 || !models[0]) throw new Error(`${models.length} models`);
  return models[0];
}

test("a folder that is not there has no models", async () => {
  expect(await listLibrary(path.join(folder, "none"))).toEqual([]);
});

test("files without a record are models too, split ones when they are complete", async () => {
  for (const name of [
    "b-00001-of-00002.gguf",
    "b-00002-of-00002.gguf",
    "c-00001-of-00002.gguf",
    "a.gguf",
    "note.txt",
  ]) {
    await writeFile(path.join(folder, name), content);
  }
  const models = await listLibrary(folder);
  expect(models.map(({ name, state, bytes }) => [name, state, bytes])).toEqual([
    ["a.gguf", "ready", content.length],
    ["b-00001-of-00002.gguf", "ready", 2 * content.length],
  ]);
});

test("a record without all files is a download that is not done", async () => {
  const state = { ...fresh(), bytes: 16, claimed: 16, spans: [{ start: 8, next: 10, end: 16 }] };
  const transfers = [{ url: "https://hub.example/m.gguf", bytes: 16, state }];
  await writeRecord(folder, record("m.gguf", { transfers }));
  expect(await only()).toMatchObject({ name: "m.gguf", state: "partial", bytes: 10, totalBytes: 16, busy: false });
});

test("a record that makes no sense is passed over", async () => {
  await writeFile(path.join(workFolder(folder), "x.gguf.json"), "{");
  await writeFile(path.join(workFolder(folder), "y.gguf.json"), JSON.stringify(record("../../etc/y.gguf")));
  await writeFile(path.join(workFolder(folder), "z.gguf.json"), JSON.stringify(record("other.gguf")));
  expect(await listLibrary(folder)).toEqual([]);
});

test("verifying tells a damaged model from a good one, and remembers it", async () => {
  await writeFile(path.join(folder, "m.gguf"), content);
  await writeRecord(folder, record("m.gguf", { verified }));
  expect(await verifyModel(folder, await only(), signal, () => undefined)).toBeUndefined();
  expect((await only()).state).toBe("ready");
  await writeFile(path.join(folder, "m.gguf"), Buffer.from(content).fill(0, 8));
  expect(await verifyModel(folder, await only(), signal, () => undefined)).toMatch(/m\.gguf differs/);
  expect((await only()).state).toBe("damaged");
});

test("a file of another length is damaged at sight", async () => {
  await writeFile(path.join(folder, "m.gguf"), "GGUF");
  await writeRecord(folder, record("m.gguf", { verified }));
  expect((await only()).state).toBe("damaged");
});

test("a model that promised nothing can't be verified", async () => {
  await writeFile(path.join(folder, "m.gguf"), content);
  await expect(verifyModel(folder, await only(), signal, () => undefined)).rejects.toThrow(/no digest/);
});

test("deleting leaves nothing of it", async () => {
  await writeFile(path.join(folder, "m.gguf"), content);
  await writeFile(partPath(folder, "m.gguf", 0), content);
  await writeRecord(folder, record("m.gguf", { verified }));
  await deleteModel(folder, await only());
  expect(await readdir(folder)).toEqual([".flint"]);
  expect(await readdir(workFolder(folder))).toEqual([]);
});

test("moving takes complete models along, and leaves namesakes and unfinished ones", async () => {
  const to = path.join(folder, "to");
  await mkdir(to);
  for (const name of ["a.gguf", "b.gguf"]) await writeFile(path.join(folder, name), content);
  await writeFile(path.join(to, "b.gguf"), "another");
  await writeRecord(folder, record("a.gguf", { verified }));
  await writeRecord(folder, record("unfinished.gguf"));
  expect(await moveLibrary(folder, to, signal, () => undefined)).toBe(1);
  expect((await listLibrary(to)).map(({ name, record }) => [name, record?.reference])).toEqual([
    ["a.gguf", "owner/repo"],
    ["b.gguf", undefined],
  ]);
  expect((await listLibrary(folder)).map(({ name }) => name)).toEqual(["b.gguf", "unfinished.gguf"]);
  expect(`${await readFile(path.join(to, "b.gguf"))}`).toBe("another");
});

test("a converted model is one with its neurons, wherever it goes, and knows what it was made from", async () => {
  const to = path.join(folder, "to");
  await mkdir(to);
  const files = ["m-flash.gguf", "m-flash.flash", "m-flash.gguf.experts"];
  for (const file of files) await writeFile(path.join(folder, file), content);
  const licence = "apache-2.0";
  const done = { ...newConversion("m.gguf", record("m.gguf", { licence }), true), verified: { tokens: 64, equal: 64 } };
  await writeConversion(folder, done);
  const [model] = files;
  const converted = { from: { source: "m.gguf", licence, reference: "owner/repo" } };
  const expected = { name: model, state: "ready", files: files.slice(0, 2), bytes: 2 * content.length, converted };
  expect(await only()).toMatchObject(expected);
  // Another of the kind that waits to be gone on with.
  await writeFile(path.join(folder, "n.gguf"), content);
  await writeConversion(folder, newConversion("n.gguf", undefined, false));
  expect(await moveLibrary(folder, to, signal, () => undefined)).toBe(1);
  expect(await only()).toMatchObject({ name: "n.gguf", conversion: { source: "n.gguf" } });
  const [moved] = await listLibrary(to);
  expect(moved).toMatchObject(expected);
  if (moved) await deleteModel(to, moved);
  expect(await readdir(to)).toEqual([".flint"]);
  expect(await readdir(workFolder(to))).toEqual([]);
});

test("a skeleton without its neurons is a model like any other, for the engine to refuse", async () => {
  await writeFile(path.join(folder, "m-flash.gguf"), content);
  expect((await only()).converted).toBeUndefined();
});
