import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newConversion, readConversions, removeConversion, writeConversion } from "./conversion.js";
import { Model, workFolder } from "./model.js";

let folder: string;
const conversion = newConversion("m.gguf", undefined, false);
const recordName = "m-flash.gguf.conversion.json";

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-conversion-"));
  await mkdir(workFolder(folder));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a conversion is known until it is forgotten", async () => {
  expect(await readConversions(path.join(folder, "none"))).toEqual([]);
  await writeConversion(new Model(folder, "m.gguf"), conversion);
  expect(await readConversions(folder)).toEqual([conversion]);
  await removeConversion(new Model(folder, "m.gguf"));
  expect(await readConversions(folder)).toEqual([]);
});

test("what can't be understood is no conversion", async () => {
  await writeFile(path.join(workFolder(folder), recordName), "{");
  await writeFile(path.join(workFolder(folder), "other.conversion.json"), "{}");
  expect(await readConversions(folder)).toEqual([]);
});

test("what can't be read is told, not taken for absent", async () => {
  await mkdir(path.join(workFolder(folder), recordName));
  await expect(readConversions(folder)).rejects.toMatchObject({
    kind: "disk",
    message: /^The disk failed in .*EISDIR/,
  });
});
