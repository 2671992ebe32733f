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
  const build = path.join(root, "build/native");
  await compile(build, { CMAKE_BUILD_TYPE: "Release" }, ["--parallel", String(availableParallelism())]);
  await run("cmake", ["--install", build, "--prefix", path.join(root, "dist/native")]);
}

/** Where {@link buildSanitized} puts the test tools. */
export const sanitizedTools = path.join(root, "build/sanitized/native-tests");

/**
 * Compiles the native tests and the fuzzer with sanitizers, beside something that matters more. After buildNative.
 * @throws {import("./process.mjs").CommandFailed} with the compiler's words
 */
export async function buildSanitized() {
  // Optimized as far as it makes the tests quicker without making the compiler slower.
  const variables = { CMAKE_BUILD_TYPE: "", CMAKE_CXX_FLAGS: "-O1 -g1", FLINT_SANITIZE: "address,undefined" };
  const targets = ["--target", "flint-native-tests", "--target", "flint-fuzz"];
  await compile(path.join(root, "build/sanitized"), variables, targets, { background: true });
}

/**
 * @param {string} build a folder of this build's own
 * @param {Record<string, string>} kind CMake variables that make it what it is
 * @param {string[]} how it is built
 * @param {{ background?: boolean, env?: NodeJS.ProcessEnv }} [options] as those of `run`
 */
export async function compile(build, kind, how, options) {
  const modules = path.join(root, "node_modules");
  const variables = {
    GGML_HEADERS: await llamaHeaders(),
    GGML_LIBRARIES: path.join(modules, `@node-llama-cpp/${platform}/bins/${platform}`),
    NODE_API_HEADERS: path.join(modules, "node-api-headers/include"),
    NODE_ADDON_API: path.join(modules, "node-addon-api"),
    FLINT_TESTS: "ON",
    ...kind,
  };
  await removeForeign(build);
  const definitions = Object.entries(variables).map(([name, value]) => `-D${name}=${value}`);
  await run("cmake", ["-S", path.join(root, "engine-native"), "-B", build, ...definitions], options);
  await run("cmake", ["--build", build, ...how], options);
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
 * git bundle that it ships; and its reader of GGUF headers, to be tested with sanitizers.
 * @returns {Promise<string>} build/llama.cpp
 */
async function llamaHeaders() {
  const bundle = path.join(root, "node_modules/node-llama-cpp/llama/gitRelease.bundle");
  const folder = path.join(root, "build/llama.cpp");
  const wanted = ["ggml/include", "ggml/src/*.h", "ggml/src/gguf.cpp", "include", "models/ggml-vocab-*.gguf"];
  const stamp = path.join(folder, ".sha256");
  const digest = createHash("sha256")
    .update(wanted.join())
    .update(await readFile(bundle))
    .digest("hex");
  if ((await exists(stamp)) && (await readFile(stamp, "utf8")) === digest) return folder;
  const temporary = `${folder}-${process.pid}`;
  // In a hook git names the hook's repository to every git that is run.
  const env = { GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined };
  await run("git", ["clone", "--quiet", "--no-checkout", bundle, temporary], { env });
  await run("git", ["-C", temporary, "checkout", "--quiet", "HEAD", "--", ...wanted], { env });
  await rm(path.join(temporary, ".git"), { recursive: true });
  await writeFile(path.join(temporary, ".sha256"), digest);
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
  return folder;
}
