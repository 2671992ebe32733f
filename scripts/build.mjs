// Builds dist/: the TypeScript bundles and, in dist/native, the engine's libraries.
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { exists } from "../models/cache.mjs";
import { isPlatform, platforms, thisPlatform } from "../protocol/platforms.mjs";
import { llamaHeaders } from "./llama-headers.mjs";
import { run } from "./process.mjs";
import { root } from "./root.mjs";

/** node-llama-cpp's package of libraries for this platform, without its scope. */
export const librariesName = isPlatform(thisPlatform) ? platforms[thisPlatform].libraries : thisPlatform;

const modules = path.join(root, "node_modules");
/** The folder of the CMake project. */
const project = path.join(root, "engine-native");

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
  // On Windows cmake-js passes flags of Microsoft's linker, whichever compiler there is. The engine needs another one.
  if (process.platform === "win32") {
    const { compileWithZig, zig } = await import("./zig.mjs");
    const { targetNamed, zigTargets } = await import("./targets.mjs");
    await compileWithZig(await zig(), zigTargets[targetNamed(thisPlatform)], build);
  } else {
    await compileWithCMakeJs(build);
  }
  await run("cmake", ["--install", build, "--config", "Release", "--prefix", path.join(root, "dist/native")]);
}

/** @param {string} build */
async function compileWithCMakeJs(build) {
  await removeForeign(build);
  const tool = path.join(root, "node_modules/cmake-js/bin/cmake-js");
  const place = ["--directory", project, "--out", build, "--config", "Release", "--log-level", "warn"];
  // Ninja that was installed meanwhile must not meet what make has built.
  const generator = await keptByCMake("CMAKE_GENERATOR", build);
  if (generator !== undefined) place.push("--generator", generator);
  const definitions = Object.entries(await buildVariables()).map(([name, value]) => `--CD${name}=${value}`);
  // Not "compile", which after an error builds everything once more.
  await run(process.execPath, [tool, "configure", ...place, ...definitions]);
  await run(process.execPath, [tool, "build", ...place, "--parallel", String(availableParallelism())]);
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
 * Compiles with CMake itself what cmake-js can't: it knows no other compiler flags and kinds of build than its own, nor
 * a system other than this one.
 * @param {string} build a folder of this build's own
 * @param {Record<string, string>} kind CMake variables that make it what it is
 * @param {string[]} how it is built
 * @param {{ background?: boolean, env?: NodeJS.ProcessEnv }} [options] as those of `run`
 */
export async function compile(build, kind, how, options) {
  await removeForeign(build);
  const variables = { ...(kind["GGML_HEADERS"] ? foreignVariables() : await buildVariables()), ...kind };
  const definitions = Object.entries(variables).map(([name, value]) => `-D${name}=${value}`);
  await run("cmake", ["-S", project, "-B", build, ...definitions], options);
  await run("cmake", ["--build", build, ...how], options);
}

/** What engine-native/CMakeLists.txt must be told. */
async function buildVariables() {
  return {
    ...foreignVariables(),
    GGML_HEADERS: await llamaHeaders(path.join(modules, "node-llama-cpp"), path.join(root, "build/llama.cpp")),
    GGML_LIBRARIES: path.join(modules, `@node-llama-cpp/${librariesName}/bins/${librariesName}`),
  };
}

/** The same with any libraries of llama.cpp. */
const foreignVariables = () => ({
  NODE_API_HEADERS: path.join(modules, "node-api-headers/include"),
  NODE_ADDON_API: path.join(modules, "node-addon-api"),
  FLINT_TESTS: "ON",
});

/** @param {string} build what CMake left there, which it refuses to use after the checkout was moved or copied */
async function removeForeign(build) {
  const home = await keptByCMake("CMAKE_CACHEFILE_DIR", build);
  if (home !== undefined && path.resolve(home) !== build) await rm(build, { recursive: true });
}

/**
 * @param {string} variable that CMake keeps for itself
 * @param {string} build a folder in which it may never have been
 */
async function keptByCMake(variable, build) {
  const cache = path.join(build, "CMakeCache.txt");
  if (!(await exists(cache))) return undefined;
  return new RegExp(`^${variable}:INTERNAL=(.*)$`, "m").exec(await readFile(cache, "utf8"))?.[1];
}
