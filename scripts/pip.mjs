// Programs that come as packages of Python.
import path from "node:path";
import { cached } from "../models/cache.mjs";
import { run } from "./process.mjs";
import { root } from "./root.mjs";

const python = process.platform === "win32" ? "python" : "python3";

/**
 * Installs what a file in scripts/python names, once, outside the checkout. Nothing else is installed along with it.
 * @param {string} name of the file, without its ending
 * @param {string} version which the file names
 * @param {number} bytes that it takes on the disk
 * @returns {Promise<string>} the folder of the packages
 * @throws without pip, or when the network or the disk fails
 */
export async function pipPackage(name, version, bytes) {
  const pip = await run(python, ["-m", "pip", "--version"]).catch(() => undefined);
  if (pip === undefined) throw new Error(`${name} is fetched with pip: install Python with pip (Debian: python3-pip).`);
  const requirements = path.join(root, `scripts/python/${name}.txt`);
  return cached(`${name}-${version}`, bytes, async (temporary) => {
    const quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"];
    await run(python, ["-m", "pip", "install", ...quiet, "--target", temporary, "--requirement", requirements]);
  });
}
