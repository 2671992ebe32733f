// zig: the compiler for other systems on Linux, and for Windows on Windows itself.
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { cacheFolder } from "../models/cache.mjs";
import { platforms } from "../protocol/platforms.mjs";
import { compile } from "./build.mjs";
import { pipPackage } from "./pip.mjs";
import { run } from "./process.mjs";
import { root } from "./root.mjs";
import { zigTargets } from "./targets.mjs";

const onWindows = process.platform === "win32";

/** @returns {Promise<string>} the compiler, fetched once */
export async function zig() {
  const folder = await pipPackage("zig", "0.17.1", 600e6);
  return path.join(folder, "ziglang", onWindows ? "zig.exe" : "zig");
}

/**
 * Compiles everything with zig.
 * @param {string} compiler what {@link zig} gave
 * @param {string} target as zig names it
 * @param {string} output a folder of this build's own
 * @param {Record<string, string>} [variables] of CMake
 * @throws {import("./process.mjs").CommandFailed} with the compiler's words
 */
export async function compileWithZig(compiler, target, output, variables = {}) {
  const kind = {
    CMAKE_BUILD_TYPE: "Release",
    CMAKE_TOOLCHAIN_FILE: path.join(root, "scripts/cross/zig.cmake"),
    ZIG: compiler,
    FLINT_TARGET: target,
    ...variables,
  };
  const env = { ZIG_GLOBAL_CACHE_DIR: path.join(cacheFolder(), "zig-cache") };
  // By itself CMake would write a project for Visual Studio, which knows no other compiler.
  const generator = onWindows ? { CMAKE_GENERATOR: "Ninja" } : {};
  await compile(output, kind, ["--parallel", String(availableParallelism())], { env: { ...env, ...generator } });
}

/**
 * Compiles for one of the platforms.
 * @param {import("../protocol/platforms.mjs").PlatformName} target
 * @param {import("./targets.mjs").LlamaRelease} llama
 * @param {string} compiler what {@link zig} gave
 * @param {{ tests?: boolean }} [options] whether the native tests and their tools are built too
 * @returns {Promise<{ output: string, installed: string }>} the folder of the build, and that of what is packaged
 * @throws as {@link compileWithZig}
 */
export async function compileFor(target, llama, compiler, { tests = false } = {}) {
  const output = path.join(root, "build/cross", target);
  const { libraries } = platforms[target];
  await compileWithZig(compiler, zigTargets[target], output, {
    GGML_HEADERS: llama.headers,
    GGML_LIBRARIES: path.join(llama.libraries, "bins", libraries),
    FLINT_TESTS: tests ? "ON" : "OFF",
  });
  const installed = path.join(output, "dist");
  await rm(installed, { recursive: true, force: true });
  await run("cmake", ["--install", output, "--prefix", installed]);
  return { output, installed };
}
