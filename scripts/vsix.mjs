// Builds Flint and its VSIX, which holds all that it needs to run, for this platform or another.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { thisPlatform } from "../protocol/platforms.mjs";
import { buildNative, buildScripts } from "./build.mjs";
import { installDependencies } from "./dependencies.mjs";
import { root } from "./root.mjs";
import { stage, writePackage } from "./staging.mjs";
import { installedLlama, installLlama, llamaFor, targetNamed } from "./targets.mjs";
import { requireTools } from "./tools.mjs";
import { compileFor, zig } from "./zig.mjs";

/** How many steps {@link build} takes. */
export const buildSteps = 4;
/** How many steps {@link packageExtension} and {@link packageFor} take. */
export const packageSteps = buildSteps + 1;

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
    await installLlama();
  });
  await steps.run("Bundling the TypeScript", buildScripts);
  await steps.run("Compiling the engine", buildNative);
}

/**
 * Builds and packages for this platform, with its own compiler: the result may need a C++ library as new as the one here.
 * @param {import("./steps.mjs").Steps} steps of which {@link packageSteps} are taken
 * @returns {Promise<string>} the path of the VSIX
 * @throws as {@link build}, or when the package lacks something or is too large
 */
export async function packageExtension(steps) {
  const target = targetNamed(thisPlatform);
  await build(steps);
  return steps.run("Packaging the extension", async (report) => {
    const native = path.join(root, "dist/native");
    return writePackage(await stage(target, await installedLlama(target), native), await packagePath(), report);
  });
}

/**
 * Builds and packages for release: for any of the platforms, from Linux x64, with zig.
 * @param {import("./steps.mjs").Steps} steps of which {@link packageSteps} are taken
 * @param {import("../protocol/platforms.mjs").PlatformName} target
 * @returns {Promise<string>} the path of the VSIX
 * @throws as {@link packageExtension}
 */
export async function packageFor(steps, target) {
  const llama = await steps.run("Installing the dependencies", async ({ note }) => {
    await installDependencies(root);
    const fetched = await llamaFor(target);
    note(`node-llama-cpp ${fetched.version}`);
    return fetched;
  });
  const compiler = await steps.run("Fetching zig", zig);
  await steps.run("Bundling the TypeScript", buildScripts);
  const { installed: native } = await steps.run(`Compiling the engine for ${target}`, () =>
    compileFor(target, llama, compiler),
  );
  return steps.run("Packaging the extension", async (report) =>
    writePackage(await stage(target, llama, native), await packagePath(target), report),
  );
}

/**
 * Where the VSIX of this version is put.
 * @param {string} [target] as the extension market names it; this platform when not given
 * @returns {Promise<string>}
 */
export async function packagePath(target = thisPlatform) {
  const { name, version } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  return path.join(root, `${name}-${target}-${version}.vsix`);
}
