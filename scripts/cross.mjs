// npm run cross: compiles the engine for Windows and macOS with zig, and runs its tests in wine where that is installed.
import { mkdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import path from "node:path";
import { compile, root } from "./build.mjs";
import { cached, cacheFolder } from "./cache.mjs";
import { installDependencies } from "./dependencies.mjs";
import { unpackPackage, versionsOf } from "./npm-registry.mjs";
import { run } from "./process.mjs";
import { runMain, Steps } from "./steps.mjs";
import { requireTools } from "./tools.mjs";

/**
 * @typedef {object} Target
 * @property {string} name as the extension market has it
 * @property {string} zig as zig has it
 * @property {string} libraries as node-llama-cpp has it
 */
/** @type {Target} */
const windows = { name: "win32-x64", zig: "x86_64-windows-gnu", libraries: "win-x64" };
/** @type {Target} */
const mac = { name: "darwin-arm64", zig: "aarch64-macos", libraries: "mac-arm64-metal" };

const requirements = path.join(root, "scripts/cross/requirements.txt");
/** Of the engine's, those in which it is Windows that matters. */
const wineTests = ["reader:", "queue"];
const wineCommands = ["wine64", "wine", "/usr/lib/wine/wine64"];

/** @returns {Promise<string>} the compiler, fetched once */
async function zig() {
  const python = await run("python3", ["-m", "pip", "--version"]).catch(() => undefined);
  if (python === undefined) throw new Error("The compiler for other systems is fetched with pip: install python3-pip.");
  const folder = await cached("zig-0.17.1", 600e6, async (temporary) => {
    const quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"];
    await run("python3", ["-m", "pip", "install", ...quiet, "--target", temporary, "--requirement", requirements]);
  });
  return path.join(folder, "ziglang/zig");
}

/**
 * llama.cpp's libraries for another system, of the version that we have or, where the registry lacks that, of the last
 * that it has.
 * @param {string} name
 * @returns {Promise<{ folder: string, version: string, exact: boolean }>}
 */
async function libraries(name) {
  const own = JSON.parse(await readFile(path.join(root, "node_modules/node-llama-cpp/package.json"), "utf8"));
  const spec = `@node-llama-cpp/${name}`;
  const known = await versionsOf(spec);
  const exact = known.includes(own.version);
  /** @type {string | undefined} */
  const version = exact ? own.version : known.at(-1);
  if (version === undefined) throw new Error(`The registry has no ${spec}.`);
  const unpacked = await cached(`llama-${name}-${version}`, 60e6, (temporary) =>
    unpackPackage(`${spec}@${version}`, temporary),
  );
  return { folder: path.join(unpacked, "bins", name), version, exact };
}

/**
 * @param {Target} target
 * @param {string} compiler
 * @param {string} folder of llama.cpp's libraries
 * @returns {Promise<string>} where all is built
 */
async function build(target, compiler, folder) {
  const output = path.join(root, "build/cross", target.name);
  const variables = {
    CMAKE_BUILD_TYPE: "Release",
    CMAKE_TOOLCHAIN_FILE: path.join(root, "scripts/cross/zig.cmake"),
    ZIG: compiler,
    FLINT_TARGET: target.zig,
    GGML_LIBRARIES: folder,
  };
  const env = { ZIG_GLOBAL_CACHE_DIR: path.join(cacheFolder(), "zig-cache") };
  await compile(output, variables, ["--parallel", String(availableParallelism())], { env });
  await run("cmake", ["--install", output, "--prefix", path.join(output, "dist")]);
  return output;
}

/** @returns {Promise<string | undefined>} the program, where it is installed */
async function wine() {
  for (const command of wineCommands) {
    if (await run(command, ["--version"]).catch(() => undefined)) return command;
  }
  return undefined;
}

/**
 * @param {string} command wine
 * @param {string} output where the tests were built
 * @param {string} folder of llama.cpp's libraries
 * @returns {Promise<string>} how many passed
 */
async function runTests(command, output, folder) {
  const prefix = path.join(root, "build/cross/wine");
  await mkdir(prefix, { recursive: true });
  const env = { WINEPREFIX: prefix, WINEDEBUG: "-all", WINEPATH: folder };
  const said = await run(command, [path.join(output, "native-tests/flint-native-tests.exe"), ...wineTests], { env });
  return said.trimEnd().split("\n").at(-1)?.trim() ?? "";
}

await runMain(async () => {
  const steps = new Steps(6);
  await steps.run("Checking the tools", requireTools);
  await steps.run("Installing the dependencies", () => installDependencies(root));
  const compiler = await steps.run("Fetching zig", zig);
  /** @param {Target} target */
  const compileFor = (target) =>
    steps.run(`Compiling for ${target.name}`, async ({ note }) => {
      const { folder, version, exact } = await libraries(target.libraries);
      if (!exact) note(`against llama.cpp of node-llama-cpp ${version}: the registry has no later one`);
      return { folder, output: await build(target, compiler, folder) };
    });
  await compileFor(mac);
  const { folder, output } = await compileFor(windows);
  await steps.run("Running the tests of Windows in wine", async ({ note }) => {
    const command = await wine();
    note(command === undefined ? "skipped: wine is not installed" : await runTests(command, output, folder));
  });
});
