import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { download, neededBytes } from "./download.js";
import { type ModelRecord, newTransferState } from "./record.js";

const bytes = 1e6;
const record: ModelRecord = {
  ...{ version: 1, reference: "owner/model", client: "fetch" },
  transfers: [{ url: "http://127.0.0.1:1/model.gguf", bytes, state: newTransferState() }],
  files: [{ name: "model.gguf", bytes }],
};

test("a download that is to be converted needs disk space for both before the first byte", async () => {
  const folder = await mkdtemp(join(tmpdir(), "flint-space-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  let asked = 0;
  const http = async () => {
    asked += 1;
    throw new Error("asked");
  };
  const options = { folder, http, signal: new AbortController().signal };
  const started = (more: object) => download({ ...record, ...more }, options);
  await expect(started({ thenConvert: 1e18 })).rejects.toThrow(/^Not enough disk space: 1000000000\.0 GB are still/);
  expect(asked).toBe(0);
  expect(await readdir(folder)).toEqual([".flint"]);
  await expect(started({})).rejects.toThrow("asked");
});

test("packages need disk space for what they contain and for themselves", () => {
  expect(neededBytes(record)).toBe(bytes);
  const packages = [1, 2].map((index) => ({ url: `http://127.0.0.1:1/${index}.tgz`, state: newTransferState() }));
  expect(neededBytes({ ...record, client: "npm", unpack: "model.part", transfers: packages })).toBe(2 * bytes);
});
