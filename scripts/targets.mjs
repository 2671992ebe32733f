// What is compiled for other platforms, and with which release of node-llama-cpp.
import { cp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { cached, exists } from "../models/cache.mjs";
import { isPlatform, platforms, thisPlatform } from "../protocol/platforms.mjs";
import { llamaHeaders } from "./llama-headers.mjs";
import { unpackPackage } from "./npm-registry.mjs";
import { root } from "./root.mjs";

/** @typedef {import("../protocol/platforms.mjs").PlatformName} PlatformName */

/**
 * As zig names them, with the oldest system that the result runs on. glibc: that of RHEL 8, older than what llama.cpp's
 * libraries need. macOS: what llama.cpp's libraries were made for.
 * @type {Readonly<Record<PlatformName, string>>}
 */
export const zigTargets = {
  "linux-x64": "x86_64-linux-gnu.2.28",
  "linux-arm64": "aarch64-linux-gnu.2.28",
  "win32-x64": "x86_64-windows-gnu",
  "win32-arm64": "aarch64-windows-gnu",
  "darwin-x64": "x86_64-macos.14.0",
  "darwin-arm64": "aarch64-macos.14.0",
};

/**
 * The registry has llama.cpp for Windows and macOS up to this release only: for platforms of which package-lock.json
 * has no digest. docs/decisions/0012 says why the others do not take the same.
 */
const olderRelease = "3.21.1";
/** @type {Readonly<Record<string, string>>} digests of its packages, which package-lock.json does not have */
const olderPackages = {
  "node-llama-cpp": "sha512-E3N0Ev2Va0wzydvXYFwM9Hvyo07PoWjt8T/9GMc43Cvt8YkV/NU/tYUgEMC1grTPv2o9PRjQi0G3Wb5P/awiMg==",
  "@node-llama-cpp/win-x64":
    "sha512-JcIpCnra7bAd7JNWA8ehdn2DIRaTMuj+fBC8bw+5rKSNzszWFbuj2XA05c5QHovonDMBLN1ePXE/hcfZtzXoUQ==",
  "@node-llama-cpp/win-arm64":
    "sha512-/UDR7Y0B8iKfc/tqxBmWkcgRdZQ9Wrkwod7fYl4J6iZXcTIj286RkHvZSED7VMY67TrcUXVvxJVMNFtmjeYnDg==",
  "@node-llama-cpp/mac-x64":
    "sha512-Q4nyNmbcNiKygBZQZjX+qLk2w3YzoiFpLWsxNURQN7xjyUi2p2rWxjRa7Otg0FrjGf/ri4aQ+X3Uj5Y0zD06eg==",
  "@node-llama-cpp/mac-arm64-metal":
    "sha512-6MIDAZV7DXD9R1+jEXWJkFuolni3GATGE6mmuyFYc6ZmtOh9djAy15df0T0AXK3sCmVKL+fQcOAWZezxx4MvQQ==",
};

/**
 * node-llama-cpp for one platform. What is compiled for it takes the headers of the same release.
 * @typedef {object} LlamaRelease
 * @property {string} version
 * @property {string} runtime the folder of the package node-llama-cpp
 * @property {string} libraries the folder of its package of libraries for that platform
 * @property {string} headers as {@link llamaHeaders} makes it
 */

/**
 * Fetches what of it is not there yet.
 * @param {PlatformName} target
 * @returns {Promise<LlamaRelease>}
 * @throws when the registry has no such package, a digest differs, or the network or the disk fails
 */
export async function llamaFor(target) {
  const name = `@node-llama-cpp/${platforms[target].libraries}`;
  const locked = await lockedPackage(name);
  if (locked?.integrity === undefined) {
    if (!(name in olderPackages))
      throw new Error(`node-llama-cpp has no package ${name}: there is no VSIX for ${target}.`);
    const [runtime, libraries] = await Promise.all([
      fetchPackage("node-llama-cpp", olderRelease, olderPackages["node-llama-cpp"], 45e6),
      fetchPackage(name, olderRelease, olderPackages[name], 60e6),
    ]);
    return { version: olderRelease, runtime, libraries, headers: await headersOf(runtime, olderRelease) };
  }
  const { version, integrity } = locked;
  const runtime = path.join(root, "node_modules/node-llama-cpp");
  const libraries = await fetchPackage(name, version, integrity, 60e6);
  return { version, runtime, libraries, headers: await headersOf(runtime) };
}

/** @param {string} name @returns {Promise<{ version: string, integrity?: string } | undefined>} */
async function lockedPackage(name) {
  const { packages } = JSON.parse(await readFile(path.join(root, "package-lock.json"), "utf8"));
  return packages[`node_modules/${name}`];
}

/**
 * As it is in node_modules.
 * @param {PlatformName} target this platform
 */
export async function installedLlama(target) {
  const modules = path.join(root, "node_modules");
  const runtime = path.join(modules, "node-llama-cpp");
  const { version } = JSON.parse(await readFile(path.join(runtime, "package.json"), "utf8"));
  return { version, runtime, libraries: path.join(modules, "@node-llama-cpp", platforms[target].libraries) };
}

/**
 * Makes node_modules of a checkout on Windows or macOS consistent: npm finds no libraries for these there.
 * @throws as {@link llamaFor}
 */
export async function installLlama() {
  if (!isPlatform(thisPlatform)) return;
  const name = `@node-llama-cpp/${platforms[thisPlatform].libraries}`;
  if ((await lockedPackage(name))?.integrity !== undefined) return;
  const wanted = await llamaFor(thisPlatform);
  const installed = await installedLlama(thisPlatform);
  if (installed.version === wanted.version && (await exists(installed.libraries))) return;
  for (const part of /** @type {const} */ (["libraries", "runtime"])) {
    await rm(installed[part], { recursive: true, force: true });
    await cp(wanted[part], installed[part], { recursive: true });
  }
}

/** @param {string} runtime @param {string} [version] of another release than node_modules has */
const headersOf = (runtime, version) =>
  llamaHeaders(runtime, path.join(root, "build", version ? `llama.cpp-${version}` : "llama.cpp"));

/**
 * @param {string} name
 * @param {string} version
 * @param {string | undefined} integrity
 * @param {number} bytes that it takes on the disk
 */
function fetchPackage(name, version, integrity, bytes) {
  return cached(`npm/${name.replace("/", "+")}-${version}`, bytes, (temporary) =>
    unpackPackage(`${name}@${version}`, temporary, integrity),
  );
}

/**
 * The target that a command was given.
 * @param {string} name
 * @returns {PlatformName}
 * @throws with those that there are
 */
export function targetNamed(name) {
  if (isPlatform(name)) return name;
  const reason = name.startsWith("alpine-") ? " node-llama-cpp has no libraries for musl." : "";
  throw new Error(`There is no VSIX for ${name}.${reason} Targets: ${Object.keys(platforms).join(", ")}.`);
}
