// Checks of the sources that are not tests.
import { readdir } from "node:fs/promises";
import path from "node:path";
import { wrongIncludes } from "./native-includes.mjs";
import { CommandFailed, run } from "./process.mjs";
import { root } from "./root.mjs";

/** The rooms whose imports .dependency-cruiser.mjs directs. */
const rooms = ["cli", "engine-native/sidecar", "extension", "models", "protocol", "server", "webview"];

/**
 * Each throws {@link CommandFailed} with what is wrong.
 * @type {{ title: string, check: (folder?: string) => Promise<void> }[]}
 */
export const checks = [
  { title: "Checking style (biome)", check: checkStyle },
  { title: "Checking types (tsc)", check: checkTypes },
  { title: "Checking imports (dependency-cruiser)", check: checkImports },
  { title: "Checking for dead exports (knip)", check: checkExports },
  { title: "Checking the style of C++ (clang-format)", check: checkNativeStyle },
  { title: "Checking includes of C++", check: checkNativeIncludes },
];

/**
 * Runs all, and prints what they find.
 * @param {import("./steps.mjs").Steps} steps of which as many are taken as there are checks
 * @returns {Promise<number>} how many checks failed
 */
export async function runChecks(steps) {
  let failed = 0;
  for (const { title, check } of checks) {
    try {
      await steps.run(title, () => check());
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      console.error(error.output.trimEnd());
      failed += 1;
    }
  }
  return failed;
}

/**
 * @param {string} program a file inside node_modules
 * @param {string[]} args
 * @param {string} [cwd]
 */
async function runTool(program, args, cwd = root) {
  await run(process.execPath, [path.join(root, "node_modules", program), ...args], { cwd });
}

async function checkStyle() {
  await runTool("@biomejs/biome/bin/biome", ["check", "--error-on-warnings"]);
}

async function checkTypes() {
  await runTool("typescript/bin/tsc", ["-p", "."]);
}

/**
 * Whether each room imports only those below it.
 * @param {string} [folder] that holds the rooms
 */
export async function checkImports(folder = root) {
  const config = ["--config", path.join(root, ".dependency-cruiser.mjs"), "--output-type", "err-long"];
  await runTool("dependency-cruiser/bin/dependency-cruise.mjs", [...config, ...rooms], folder);
}

async function checkExports() {
  await runTool("knip/bin/knip.js", ["--no-progress"]);
}

async function checkNativeStyle() {
  await runTool("clang-format/index.js", ["--dry-run", "-Werror", ...(await allNativeFiles())]);
}

/** Lays the C++ out as {@link checkNativeStyle} wants it. */
export async function formatNative() {
  await runTool("clang-format/index.js", ["-i", ...(await allNativeFiles())]);
}

/**
 * Whether each layer includes only those below it.
 * @param {string} [folder] that holds engine-native
 */
export async function checkNativeIncludes(folder = root) {
  const wrong = await wrongIncludes(path.join(folder, "engine-native/src"));
  if (wrong.length > 0) throw new CommandFailed("The check of includes", `${wrong.length} wrong`, wrong.join("\n"));
}

async function allNativeFiles() {
  const folders = ["engine-native/src", "engine-native/convert", "test/native"];
  return (await Promise.all(folders.map(nativeFiles))).flat();
}

/** @param {string} folder */
async function nativeFiles(folder) {
  const names = await readdir(path.join(root, folder), { recursive: true });
  return names.filter((name) => /\.(cpp|h)$/.test(name)).map((name) => path.join(folder, name));
}
