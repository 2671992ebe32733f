// The folder that becomes a VSIX: what runs on one platform, and nothing of another.
import { copyFile, cp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { exists } from "../models/cache.mjs";
import { platforms } from "../protocol/platforms.mjs";
import { foreignBinaries } from "./binaries.mjs";
import { run } from "./process.mjs";
import { bundleSidecar } from "./program-bundle.mjs";
import { root } from "./root.mjs";
import { installedLlama } from "./targets.mjs";

/** Larger than this is a mistake in .vscodeignore: another platform's libraries, or a model. */
const maximumBytes = 60e6;

/** Into which the texts are translated, as VS Code calls them; scripts/translations.test.ts sees that they are complete. */
export const languages = ["de", "zh-cn"];

/** What is of one platform, and so comes from elsewhere than the checkout. */
const ofOnePlatform = [
  "dist/native/**",
  "node_modules/node-llama-cpp/*",
  "node_modules/node-llama-cpp/!(node_modules)/**",
  "node_modules/@node-llama-cpp/**",
  // Of node-llama-cpp's downloads, which Flint has its own for.
  "node_modules/@reflink/reflink-*/**",
];

/** @param {import("../protocol/platforms.mjs").PlatformName} target */
function required(target) {
  const { libraries, backend, converter } = platforms[target];
  return [
    "package.json",
    "package.nls.json",
    ...languages.flatMap((language) => [`package.nls.${language}.json`, `l10n/bundle.l10n.${language}.json`]),
    "dist/extension.cjs",
    "dist/sidecar.js",
    "dist/flint.js",
    "dist/webview.js",
    "dist/webview.css",
    "extension/media/flint.svg",
    "extension/media/flint-dark.svg",
    `dist/native/${backend}`,
    "dist/native/flint-addon.node",
    "dist/native/flint-process.node",
    `dist/native/${converter}`,
    "dist/calibration.txt",
    "node_modules/node-llama-cpp/dist/index.js",
    `node_modules/@node-llama-cpp/${libraries}/bins/${libraries}/llama-addon.node`,
  ];
}

/**
 * Lays out what is packaged for a platform, from the bundles that are built and the node_modules that are installed.
 * @param {import("../protocol/platforms.mjs").PlatformName} target
 * @param {Omit<import("./targets.mjs").LlamaRelease, "headers">} llama for it
 * @param {string} native the folder of the compiled engine
 * @returns {Promise<{ target: import("../protocol/platforms.mjs").PlatformName, folder: string }>}
 */
export async function stage(target, llama, native) {
  const { listFiles } = await import("@vscode/vsce");
  const folder = path.join(root, "build/package", target);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const ignored = await readFile(path.join(root, ".vscodeignore"), "utf8");
  const ignoreFile = path.join(root, "build/vscodeignore");
  await writeFile(ignoreFile, [ignored, ...ofOnePlatform, ""].join("\n"));
  for (const name of await listFiles({ cwd: root, ignoreFile })) {
    const copy = path.join(folder, name);
    await mkdir(path.dirname(copy), { recursive: true });
    await copyFile(path.join(root, name), copy);
  }
  await copyManifests(folder);
  const { libraries } = platforms[target];
  await cp(native, path.join(folder, "dist/native"), { recursive: true });
  const nested = path.join(llama.runtime, "node_modules");
  const filter = (/** @type {string} */ file) => file !== nested;
  await cp(llama.runtime, path.join(folder, "node_modules/node-llama-cpp"), { recursive: true, filter });
  await cp(llama.libraries, path.join(folder, "node_modules/@node-llama-cpp", libraries), { recursive: true });
  const manifest = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  // So that npm, which vsce asks for what is packaged, finds it in order.
  manifest.dependencies["node-llama-cpp"] = llama.version;
  // Everything is built, and not here.
  delete manifest.scripts["vscode:prepublish"];
  await writeFile(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await copyFile(path.join(root, ".vscodeignore"), path.join(folder, ".vscodeignore"));
  // Of another release than the one in node_modules, which is bundled already.
  if (llama.version !== (await installedLlama(target)).version) await bundleSidecar(folder);
  return { target, folder };
}

/**
 * Of all packages, also of those that are left out: npm, which vsce asks for what is packaged, wants them complete.
 * @param {string} folder
 */
async function copyManifests(folder) {
  for (const name of await dependencyManifests()) {
    const copy = path.join(folder, name);
    await mkdir(path.dirname(copy), { recursive: true });
    await copyFile(path.join(root, name), copy);
  }
}

/** @returns {Promise<string[]>} package.json of each dependency but node-llama-cpp itself, as a path in the checkout */
async function dependencyManifests() {
  /** @type {{ packages: Record<string, { dev?: boolean, optional?: boolean }> }} */
  const { packages } = JSON.parse(await readFile(path.join(root, "package-lock.json"), "utf8"));
  const names = Object.entries(packages)
    .filter(
      ([name, { dev }]) =>
        name !== "" && !dev && !/node_modules\/(@node-llama-cpp\/|@reflink\/reflink-|node-llama-cpp$)/.test(name),
    )
    .map(([name]) => path.join(name, "package.json"));
  const there = await Promise.all(names.map((name) => exists(path.join(root, name))));
  return names.filter((_, index) => there[index]);
}

/**
 * @param {{ target: import("../protocol/platforms.mjs").PlatformName, folder: string }} staged what {@link stage} made
 * @param {string} file the VSIX to write
 * @param {import("./steps.mjs").Report} report is told its size
 * @returns {Promise<string>} that file
 * @throws when the package would lack something, has something of another platform, or is too large
 */
export async function writePackage({ target, folder }, file, { note }) {
  const { listFiles } = await import("@vscode/vsce");
  const files = new Set(await listFiles({ cwd: folder }));
  const missing = required(target).filter((name) => !files.has(name));
  if (missing.length > 0) throw new Error(`The package would lack ${missing.join(", ")}.`);
  const foreign = await foreignBinaries(folder, target);
  if (foreign.length > 0) throw new Error(`The package for ${target} would not run there: ${foreign.join("; ")}.`);
  const vsce = path.join(root, "node_modules/@vscode/vsce/vsce");
  const flags = ["--target", target, "--out", file, "--allow-missing-repository"];
  await run(process.execPath, [vsce, "package", ...flags, "--readme-path", "extension/README.md"], {
    cwd: folder,
  });
  const { size } = await stat(file);
  if (size > maximumBytes) throw new Error(`The package is too large: ${size} bytes, more than ${maximumBytes}.`);
  note(`${(size / 1e6).toFixed(1)} MB`);
  return file;
}
