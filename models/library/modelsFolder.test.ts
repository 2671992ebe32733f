import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ModelRecord, newTransferState } from "../record.js";
import { newConversion, writeConversion } from "./conversion.js";
import { workFolder } from "./model.js";
import { type LibraryModel, ModelsFolder } from "./modelsFolder.js";

let folder: string;
let models: ModelsFolder;
const { signal } = new AbortController();
const content = Buffer.from("GGUF and weights");

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-library-"));
  models = new ModelsFolder(folder);
  await mkdir(workFolder(folder));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const record = (name: string, more: Partial<ModelRecord> = {}): ModelRecord => ({
  version: 1,
  reference: "owner/repo",
  client: "fetch",
  transfers: [{ url: "https://hub.example/m.gguf", bytes: content.length, state: newTransferState() }],
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
  const all = await models.list();
  if (all.length !== 1 || !all[0]) throw new Error(`${all.length} models`);
  return all[0];
}

test("a folder that is not there has no models", async () => {
  expect(await new ModelsFolder(path.join(folder, "none")).list()).toEqual([]);
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
  const all = await models.list();
  expect(all.map(({ name, state, bytes }) => [name, state, bytes])).toEqual([
    ["a.gguf", "ready", content.length],
    ["b-00001-of-00002.gguf", "ready", 2 * content.length],
  ]);
});

test("a record without all files is a download that is not done", async () => {
  const state = { ...newTransferState(), bytes: 16, claimed: 16, spans: [{ start: 8, next: 10, end: 16 }] };
  const transfers = [{ url: "https://hub.example/m.gguf", bytes: 16, state }];
  await models.model("m.gguf").writeRecord(record("m.gguf", { transfers }));
  expect(await only()).toMatchObject({ name: "m.gguf", state: "partial", bytes: 10, totalBytes: 16, busy: false });
});

test("a record that makes no sense is passed over", async () => {
  await writeFile(path.join(workFolder(folder), "x.gguf.json"), "{");
  await writeFile(path.join(workFolder(folder), "y.gguf.json"), JSON.stringify(record("../../etc/y.gguf")));
  await writeFile(path.join(workFolder(folder), "z.gguf.json"), JSON.stringify(record("other.gguf")));
  expect(await models.list()).toEqual([]);
});

test("verifying tells a damaged model from a good one, and remembers it", async () => {
  await writeFile(path.join(folder, "m.gguf"), content);
  await models.model("m.gguf").writeRecord(record("m.gguf", { verified }));
  expect(await models.verify(await only(), signal, () => undefined)).toBeUndefined();
  expect((await only()).state).toBe("ready");
  await writeFile(path.join(folder, "m.gguf"), Buffer.from(content).fill(0, 8));
  expect(await models.verify(await only(), signal, () => undefined)).toMatch(/m\.gguf does not match its checksum/);
  expect((await only()).state).toBe("damaged");
});

test("a file of another length is damaged at sight", async () => {
  await writeFile(path.join(folder, "m.gguf"), "GGUF");
  await models.model("m.gguf").writeRecord(record("m.gguf", { verified }));
  expect((await only()).state).toBe("damaged");
});

test("a model that promised nothing can't be verified", async () => {
  await writeFile(path.join(folder, "m.gguf"), content);
  await expect(models.verify(await only(), signal, () => undefined)).rejects.toThrow(/no checksum/);
});

test("deleting leaves nothing of it", async () => {
  await writeFile(path.join(folder, "m.gguf"), content);
  await writeFile(models.model("m.gguf").partPath(0), content);
  await models.model("m.gguf").writeRecord(record("m.gguf", { verified }));
  await models.delete(await only());
  expect(await readdir(folder)).toEqual([".flint"]);
  expect(await readdir(workFolder(folder))).toEqual([]);
});

test("moving takes complete models along, and leaves namesakes and unfinished ones", async () => {
  const to = new ModelsFolder(path.join(folder, "to"));
  await mkdir(to.path);
  for (const name of ["a.gguf", "b.gguf"]) await writeFile(path.join(folder, name), content);
  await writeFile(path.join(to.path, "b.gguf"), "another");
  await models.model("a.gguf").writeRecord(record("a.gguf", { verified }));
  await models.model("unfinished.gguf").writeRecord(record("unfinished.gguf"));
  expect(await models.moveTo(to, signal, () => undefined)).toBe(1);
  expect((await to.list()).map(({ name, record }) => [name, record?.reference])).toEqual([
    ["a.gguf", "owner/repo"],
    ["b.gguf", undefined],
  ]);
  expect((await models.list()).map(({ name }) => name)).toEqual(["b.gguf", "unfinished.gguf"]);
  expect(`${await readFile(path.join(to.path, "b.gguf"))}`).toBe("another");
});

test("a converted model is one with its neurons, wherever it goes, and knows what it was made from", async () => {
  const to = new ModelsFolder(path.join(folder, "to"));
  await mkdir(to.path);
  const files = ["m-flash.gguf", "m-flash.flash", "m-flash.gguf.experts"];
  for (const file of files) await writeFile(path.join(folder, file), content);
  const licence = "apache-2.0";
  const done = { ...newConversion("m.gguf", record("m.gguf", { licence }), true), verified: { tokens: 64, equal: 64 } };
  await writeConversion(models.model("m.gguf"), done);
  const [model] = files;
  const converted = { from: { source: "m.gguf", licence, reference: "owner/repo" } };
  const expected = { name: model, state: "ready", files: files.slice(0, 2), bytes: 2 * content.length, converted };
  expect(await only()).toMatchObject(expected);
  // Another of the kind that waits to be gone on with.
  await writeFile(path.join(folder, "n.gguf"), content);
  await writeConversion(models.model("n.gguf"), newConversion("n.gguf", undefined, false));
  expect(await models.moveTo(to, signal, () => undefined)).toBe(1);
  expect(await only()).toMatchObject({ name: "n.gguf", conversion: { source: "n.gguf" } });
  const [moved] = await to.list();
  expect(moved).toMatchObject(expected);
  if (moved) await to.delete(moved);
  expect(await readdir(to.path)).toEqual([".flint"]);
  expect(await readdir(workFolder(to.path))).toEqual([]);
});

test("a skeleton without its neurons is a model like any other, for the engine to refuse", async () => {
  await writeFile(path.join(folder, "m-flash.gguf"), content);
  expect((await only()).converted).toBeUndefined();
});
