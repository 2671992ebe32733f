/** Where the libraries and programs of this platform are. */
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { isPlatform, platforms, thisPlatform } from "../../protocol/platforms.mjs";

const { platform } = process;
const onWindows = platform === "win32";

if (!isPlatform(thisPlatform)) throw new Error(`Flint does not run on ${thisPlatform}.`);
const { libraries, backend, converter } = platforms[thisPlatform];

const nativeFile = (name: string) => fileURLToPath(new URL(`./native/${name}`, import.meta.url));

export const backendPath = nativeFile(backend);
export const addonPath = nativeFile("flint-addon.node");
export const processAddonPath = nativeFile("flint-process.node");
export const converterPath = nativeFile(converter);

/** Which of node-llama-cpp's libraries are used. The GPU is not, where there is a choice. */
export const gpu = thisPlatform === "darwin-arm64" ? "metal" : false;

/** Where node-llama-cpp keeps llama.cpp's libraries for this platform. */
export function librariesFolder(): string {
  const path = `../../@node-llama-cpp/${libraries}/bins/${libraries}`;
  return fileURLToPath(new URL(path, import.meta.resolve("node-llama-cpp")));
}

/** The environment in which a program finds those libraries. */
export function librariesEnvironment(): NodeJS.ProcessEnv {
  const folder = librariesFolder();
  // Spread, an environment of Windows is like any other object: its names are not found in any case.
  const path = Object.keys(process.env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  if (onWindows) return { ...process.env, [path]: [folder, process.env[path]].join(delimiter) };
  return { ...process.env, [platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH"]: folder };
}
