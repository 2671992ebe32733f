// Checks of the sources that are not tests.
import { readdir } from "node:fs/promises";
import path from "node:path";
import { root } from "./build.mjs";
import { run } from "./process.mjs";

/** @param {string} name of a file inside node_modules */
const tool = (name) => path.join(root, "node_modules", name);

/** @throws {import("./process.mjs").CommandFailed} with what the linter or the formatter wants */
export async function checkStyle() {
  await run(process.execPath, [tool("@biomejs/biome/bin/biome"), "check", "--error-on-warnings"], { cwd: root });
}

/** @throws {import("./process.mjs").CommandFailed} with the type errors */
export async function checkTypes() {
  await run(process.execPath, [tool("typescript/bin/tsc"), "-p", "."], { cwd: root });
}

/** @throws {import("./process.mjs").CommandFailed} with the places that are formatted otherwise */
export async function checkNativeStyle() {
  const files = (await Promise.all(["engine-native/src", "test/engine/native"].map(nativeFiles))).flat();
  await run(process.execPath, [tool("clang-format/index.js"), "--dry-run", "-Werror", ...files], { cwd: root });
}

/** @param {string} folder */
async function nativeFiles(folder) {
  const names = await readdir(path.join(root, folder), { recursive: true });
  return names.filter((name) => /\.(cpp|h)$/.test(name)).map((name) => path.join(folder, name));
}
