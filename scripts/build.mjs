// Builds dist/: the TypeScript bundles and, in dist/native, the engine's libraries.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { exists } from "./cache.mjs";
import { run } from "./process.mjs";

/** The root of the checkout. */
export const root = path.resolve(fileURLToPath(new URL("..", import.meta.url)));

/** The platform as node-llama-cpp and the extension market name it, such as `linux-x64`. */
export const platform = `${process.platform}-${process.arch}`;

/**
 * Bundles the extension, the chat panel, the sidecar and the command line.
 * @throws {import("./process.mjs").CommandFailed} with what is wrong in the sources
 */
export async function buildScripts() {
  await removeBundles();
  await run(process.execPath, ["esbuild.mjs", "--production"], { cwd: root });
}

/** What an earlier version left behind would be packaged too. */
async function removeBundles() {
  const dist = path.join(root, "dist");
  await mkdir(dist, { recursive: true });
  const bundles = (await readdir(dist)).filter((name) => name !== "native");
  await Promise.all(bundles.map((name) => rm(path.join(dist, name), { recursive: true })));
}

/**
 * Compiles the engine, its addon and its test tools (build/native), and installs the first two into dist/native.
 * @throws {import("./process.mjs").CommandFailed} with the compiler's words
 */
export async function buildNative() {
  const modules = path.join(root, "node_modules");
  const build = path.join(root, "build/native");
  const variables = {
    CMAKE_BUILD_TYPE: "Release",
    GGML_HEADERS: await llamaHeaders(),
    GGML_LIBRARIES: path.join(modules, `@node-llama-cpp/${platform}/bins/${platform}`),
    NODE_API_HEADERS: path.join(modules, "node-api-headers/include"),
    NODE_ADDON_API: path.join(modules, "node-addon-api"),
    FLINT_TESTS: "ON",
  };
  await removeForeign(build);
  const definitions = Object.entries(variables).map(([name, value]) => `-D${name}=${value}`);
  await run("cmake", ["-S", path.join(root, "engine-native"), "-B", build, ...definitions]);
  await run("cmake", ["--build", build, "--parallel", String(availableParallelism())]);
  await run("cmake", ["--install", build, "--prefix", path.join(root, "dist/native")]);
}

/** @param {string} build what CMake left there, which it refuses to use after the checkout was moved or copied */
async function removeForeign(build) {
  const cache = path.join(build, "CMakeCache.txt");
  if (!(await exists(cache))) return;
  const home = /^CMAKE_CACHEFILE_DIR:INTERNAL=(.*)$/m.exec(await readFile(cache, "utf8"))?.[1];
  if (home !== build) await rm(build, { recursive: true });
}

/**
 * The headers and vocabularies of the very llama.cpp that node-llama-cpp's libraries were built from, taken out of the
 * git bundle that it ships.
 * @returns {Promise<string>} build/llama.cpp
 */
async function llamaHeaders() {
  const bundle = path.join(root, "node_modules/node-llama-cpp/llama/gitRelease.bundle");
  const folder = path.join(root, "build/llama.cpp");
  const stamp = path.join(folder, ".bundle-sha256");
  const digest = createHash("sha256")
    .update(await readFile(bundle))
    .digest("hex");
  if ((await exists(stamp)) && (await readFile(stamp, "utf8")) === digest) return folder;
  const temporary = `${folder}-${process.pid}`;
  // In a hook git names the hook's repository to every git that is run.
  const env = { GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined };
  await run("git", ["clone", "--quiet", "--no-checkout", bundle, temporary], { env });
  const wanted = ["ggml/include", "ggml/src/*.h", "include", "models/ggml-vocab-*.gguf"];
  await run("git", ["-C", temporary, "checkout", "--quiet", "HEAD", "--", ...wanted], { env });
  await rm(path.join(temporary, ".git"), { recursive: true });
  await writeFile(path.join(temporary, ".bundle-sha256"), digest);
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
  return folder;
}
