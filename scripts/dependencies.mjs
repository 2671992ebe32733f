// node_modules, brought in step with the lock file. Needs nothing installed.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { exists } from "../models/cache.mjs";
import { npm } from "./process.mjs";

/**
 * Installs what package-lock.json names, where node_modules differs from it.
 * @param {string} root of the checkout
 * @returns {Promise<boolean>} whether anything had to be done
 * @throws when npm fails
 */
export async function installDependencies(root) {
  if (await inStep(root)) return false;
  // Scripts of packages would build or download what is not needed: all binaries are prebuilt.
  await npm(root, ["ci", "--ignore-scripts"]);
  return true;
}

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean }} Locked
 * @param {string} root
 */
async function inStep(root) {
  const installedLock = path.join(root, "node_modules/.package-lock.json");
  if (!(await exists(installedLock))) return false;
  const wanted = await packagesOf(path.join(root, "package-lock.json"));
  const installed = await packagesOf(installedLock);
  for (const [name, { version, integrity, optional }] of wanted) {
    const found = installed.get(name);
    // Optional ones are left out where they are for another platform.
    if (!found && optional) continue;
    if (found?.version !== version || found?.integrity !== integrity) return false;
  }
  return [...installed.keys()].every((name) => wanted.has(name));
}

/**
 * @param {string} lockFile
 * @returns {Promise<Map<string, Locked>>}
 */
async function packagesOf(lockFile) {
  /** @type {{ packages: Record<string, Locked> }} */
  const { packages } = JSON.parse(await readFile(lockFile, "utf8"));
  return new Map(Object.entries(packages).filter(([name]) => name !== ""));
}
