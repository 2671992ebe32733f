// The platforms that Flint is packaged for, and what is named differently on each: the one table of it.

/**
 * @typedef {object} Platform
 * @property {string} libraries node-llama-cpp's package of llama.cpp for this platform, without its scope
 * @property {string} backend our backend's file in dist/native, named as ggml names its own
 * @property {string} converter the converter's file there
 */

/** @typedef {"linux-x64" | "linux-arm64" | "win32-x64" | "win32-arm64" | "darwin-x64" | "darwin-arm64"} PlatformName */

const posix = { backend: "libggml-flash.so", converter: "flint-convert" };
const windows = { backend: "ggml-flash.dll", converter: "flint-convert.exe" };

/**
 * By the name that the extension market has, which is Node's for the system and for the processor.
 * @type {Readonly<Record<PlatformName, Platform>>}
 */
export const platforms = {
  "linux-x64": { ...posix, libraries: "linux-x64" },
  "linux-arm64": { ...posix, libraries: "linux-arm64" },
  "win32-x64": { ...windows, libraries: "win-x64" },
  "win32-arm64": { ...windows, libraries: "win-arm64" },
  "darwin-x64": { ...posix, libraries: "mac-x64" },
  // It has no package for the processor alone.
  "darwin-arm64": { ...posix, libraries: "mac-arm64-metal" },
};

/**
 * @param {string} name
 * @returns {name is PlatformName}
 */
export const isPlatform = (name) => Object.hasOwn(platforms, name);

/** The name of the platform that this process runs on, which need not be one of the table. */
export const thisPlatform = `${process.platform}-${process.arch}`;
