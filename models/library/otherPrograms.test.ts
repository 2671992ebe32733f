import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findExternalModels, modelsOfFiles } from "./otherPrograms.js";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "flint-home-"));
});
afterEach(() => rm(home, { recursive: true }));

async function put(name: string, content = "GGUF") {
  const file = path.join(home, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

const digest = "ab".repeat(32);
const found = async () =>
  (await findExternalModels({}, home))
    .filter(({ path: file }) => file.startsWith(home))
    .map(({ program, name, path: file, bytes }) => [program, name, path.relative(home, file), bytes])
    .sort();

test("models of every program are found where they are", async () => {
  await put(".lmstudio/models/owner/repo/m-Q4_K_M.gguf");
  await put(".lmstudio/models/owner/repo/mmproj-m.gguf");
  await put(".cache/llama.cpp/owner_repo_m.gguf");
  await put(".cache/llama.cpp/owner_repo_m.gguf.json");
  await put(".local/share/nomic.ai/GPT4All/g.gguf");
  await put("jan/models/j/model.gguf");
  await put(`.ollama/models/blobs/sha256-${digest}`, "GGUF and more");
  const layers = [
    { mediaType: "application/vnd.ollama.image.license", digest: `sha256:${"0".repeat(64)}` },
    { mediaType: "application/vnd.ollama.image.model", digest: `sha256:${digest}` },
  ];
  await put(".ollama/models/manifests/registry.ollama.ai/library/qwen/7b", JSON.stringify({ layers }));
  await put(".ollama/models/manifests/registry.ollama.ai/library/broken/latest", "{");
  const blob = await put(".cache/huggingface/hub/models--o--r/blobs/123", "GGUF!");
  await mkdir(path.join(home, ".cache/huggingface/hub/models--o--r/snapshots/abc"), { recursive: true });
  await symlink(blob, path.join(home, ".cache/huggingface/hub/models--o--r/snapshots/abc/h.gguf"));
  await symlink("/nowhere", path.join(home, ".cache/huggingface/hub/models--o--r/snapshots/abc/gone.gguf"));
  expect(await found()).toEqual([
    ["GPT4All", "g.gguf", ".local/share/nomic.ai/GPT4All/g.gguf", 4],
    ["Hugging Face", "o/r/h.gguf", ".cache/huggingface/hub/models--o--r/snapshots/abc/h.gguf", 5],
    ["Jan", "models/j/model.gguf", "jan/models/j/model.gguf", 4],
    ["LM Studio", "owner/repo/m-Q4_K_M.gguf", ".lmstudio/models/owner/repo/m-Q4_K_M.gguf", 4],
    ["Ollama", "qwen:7b", `.ollama/models/blobs/sha256-${digest}`, 13],
    ["llama.cpp", "owner_repo_m.gguf", ".cache/llama.cpp/owner_repo_m.gguf", 4],
  ]);
});

test("a split model is one, and an incomplete one is none", async () => {
  for (const index of [1, 2]) await put(`.lmstudio/models/a-0000${index}-of-00002.gguf`);
  await put(".lmstudio/models/b-00001-of-00002.gguf");
  expect(await found()).toEqual([["LM Studio", "a-00001-of-00002.gguf", ".lmstudio/models/a-00001-of-00002.gguf", 8]]);
});

test("a machine without any has none", async () => {
  expect(await found()).toEqual([]);
});

test("files that are chosen one by one are models, with all their parts, while they are there", async () => {
  const whole = await put("work/m.gguf");
  await put("work/not-chosen.gguf");
  const split = await put("work/s-00001-of-00002.gguf", "GGUF1");
  await put("work/s-00002-of-00002.gguf", "GGUF22");
  const models = await modelsOfFiles([whole, split, whole, path.join(home, "gone/m.gguf")]);
  expect(models.map(({ name, path: file, bytes }) => [name, file, bytes])).toEqual([
    ["m.gguf", whole, 4],
    ["s-00001-of-00002.gguf", split, 11],
  ]);
});
