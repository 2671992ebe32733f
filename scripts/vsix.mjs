// Builds Flint and its VSIX for this platform, which holds all that it needs to run.
import { readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { buildNative, buildScripts, platform, root } from "./build.mjs";
import { installDependencies } from "./dependencies.mjs";
import { run } from "./process.mjs";
import { requireTools } from "./tools.mjs";

/** How many steps {@link build} takes. */
export const buildSteps = 4;
/** How many steps {@link packageExtension} takes. */
export const packageSteps = buildSteps + 1;

/** Larger than this is a mistake in .vscodeignore: another platform's libraries, or a model. */
const maximumBytes = 60e6;

const required = [
  "package.json",
  "dist/extension.cjs",
  "dist/sidecar.js",
  "dist/flint.js",
  "dist/webview.js",
  "dist/webview.css",
  "extension/media/flint.svg",
  "dist/native/libggml-flash.so",
  "dist/native/flint-addon.node",
  "dist/native/flint-convert",
  "dist/calibration.txt",
  "node_modules/node-llama-cpp/dist/index.js",
  `node_modules/@node-llama-cpp/${platform}/bins/${platform}/llama-addon.node`,
];

/**
 * Installs and builds, each only as far as it is not done yet.
 * @param {import("./steps.mjs").Steps} steps of which {@link buildSteps} are taken
 * @throws {import("./tools.mjs").ToolMissing} before anything else
 * @throws when a step fails
 */
export async function build(steps) {
  await steps.run("Checking the tools", requireTools);
  await steps.run("Installing the dependencies", async ({ note }) => {
    if (!(await installDependencies(root))) note("nothing to do");
  });
  await steps.run("Bundling the TypeScript", buildScripts);
  await steps.run("Compiling the engine", buildNative);
}

/**
 * Builds and packages.
 * @param {import("./steps.mjs").Steps} steps of which {@link packageSteps} are taken
 * @returns {Promise<string>} the path of the VSIX
 * @throws as {@link build}, or when the package lacks something or is too large
 */
export async function packageExtension(steps) {
  await build(steps);
  return steps.run("Packaging the extension", async ({ note }) => {
    const vsix = await createPackage();
    note(`${((await stat(vsix)).size / 1e6).toFixed(1)} MB`);
    return vsix;
  });
}

/**
 * Where the VSIX of this platform and version is put.
 * @returns {Promise<string>}
 */
export async function packagePath() {
  const { name, version } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  return path.join(root, `${name}-${platform}-${version}.vsix`);
}

async function createPackage() {
  const { listFiles } = await import("@vscode/vsce");
  const ignoreFile = path.join(root, "build/vscodeignore");
  const otherPlatforms = `node_modules/@node-llama-cpp/!(${platform})/**`;
  await writeFile(ignoreFile, `${await readFile(path.join(root, ".vscodeignore"), "utf8")}\n${otherPlatforms}\n`);
  const files = new Set(await listFiles({ cwd: root, ignoreFile }));
  const missing = required.filter((name) => !files.has(name));
  if (missing.length > 0) throw new Error(`The package would lack ${missing.join(", ")}.`);
  const file = await packagePath();
  const vsce = path.join(root, "node_modules/@vscode/vsce/vsce");
  const flags = ["--target", platform, "--out", file, "--ignoreFile", ignoreFile, "--allow-missing-repository"];
  const readme = ["--readme-path", "extension/README.md"];
  await run(process.execPath, [vsce, "package", ...flags, ...readme], { cwd: root });
  const { size } = await stat(file);
  if (size > maximumBytes) throw new Error(`The package is too large: ${size} bytes, more than ${maximumBytes}.`);
  return file;
}
