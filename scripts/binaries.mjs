// What programs and libraries say of themselves: the system and the processor that they are for.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

const elfMachines = new Map([
  [62, "linux-x64"],
  [183, "linux-arm64"],
]);
const peMachines = new Map([
  [0x8664, "win32-x64"],
  [0xaa64, "win32-arm64"],
]);
const machoMachines = new Map([
  [0x0100_0007, "darwin-x64"],
  [0x0100_000c, "darwin-arm64"],
]);

/**
 * @param {Buffer} bytes of a file
 * @returns {string | undefined} the platform as the extension market names it, "unknown" for another; undefined when it
 * is no program and no library
 */
export function platformOf(bytes) {
  if (bytes.length < 64) return undefined;
  if (bytes.readUInt32BE(0) === 0x7f45_4c46) return elfMachines.get(bytes.readUInt16LE(18)) ?? "unknown";
  if (bytes.readUInt32LE(0) === 0xfeed_facf) return machoMachines.get(bytes.readUInt32LE(4)) ?? "unknown";
  if (bytes.toString("latin1", 0, 2) !== "MZ") return undefined;
  const header = bytes.readUInt32LE(60);
  if (bytes.toString("latin1", header, header + 4) !== "PE\0\0") return undefined;
  return peMachines.get(bytes.readUInt16LE(header + 4)) ?? "unknown";
}

/**
 * What a file for macOS asks of the system that loads it.
 * @typedef {object} MacFile
 * @property {string | undefined} minimumVersion of macOS, such as 14.0
 * @property {string | undefined} installName by which others that link it look for it
 * @property {string[]} searchPaths where it looks for libraries
 * @property {string[]} libraries that it looks for
 * @property {boolean} signed at least ad hoc, without which no process starts on Apple silicon
 */

/**
 * @param {Buffer} bytes of a file in the format Mach-O of 64 bits
 * @returns {MacFile}
 */
export function readMacFile(bytes) {
  /** @type {MacFile} */
  const file = { minimumVersion: undefined, installName: undefined, searchPaths: [], libraries: [], signed: false };
  const commands = bytes.readUInt32LE(16);
  let at = 32;
  for (let i = 0; i < commands; i++) {
    const command = bytes.readUInt32LE(at);
    const size = bytes.readUInt32LE(at + 4);
    const text = () => bytes.toString("utf8", at + bytes.readUInt32LE(at + 8), at + size).replace(/\0.*$/s, "");
    if (command === 0x0c) file.libraries.push(text());
    if (command === 0x0d) file.installName = text();
    if (command === 0x1d) file.signed = true;
    if (command === 0x8000_001c) file.searchPaths.push(text());
    if (command === 0x32) {
      const version = bytes.readUInt32LE(at + 12);
      file.minimumVersion = `${version >>> 16}.${(version >>> 8) & 0xff}`;
    }
    at += size;
  }
  return file;
}

/**
 * @param {string} folder of what is to be packaged
 * @param {string} target the platform that it is for
 * @returns {Promise<string[]>} a line for each file that would not run there
 */
export async function foreignBinaries(folder, target) {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /(\.(node|so|dll|dylib|exe)|^[^.]+)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
  const found = await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(name);
      const platform = platformOf(bytes);
      const wrong = platform === undefined || platform === target ? wrongOnMac(bytes, platform) : `is for ${platform}`;
      return wrong === undefined ? [] : [`${path.relative(folder, name)} ${wrong}`];
    }),
  );
  return found.flat();
}

/** @param {Buffer} bytes @param {string | undefined} platform */
function wrongOnMac(bytes, platform) {
  if (!platform?.startsWith("darwin-")) return undefined;
  const { installName, libraries, searchPaths, signed } = readMacFile(bytes);
  const names = [...libraries, ...(installName === undefined ? [] : [installName])];
  const absent = names.find((name) => !/^(@rpath|@loader_path|\/usr\/lib|\/System\/Library)\//.test(name));
  if (absent !== undefined) return `names a library by a path that is only where it was built: ${absent}`;
  if (libraries.some((name) => name.startsWith("@rpath/")) && searchPaths.length === 0)
    return "does not say where its libraries are";
  if (!signed && platform === "darwin-arm64") return "is not signed";
  return undefined;
}
