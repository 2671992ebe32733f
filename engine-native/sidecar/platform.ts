/** What differs between systems: the names of libraries and programs. */
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";

const { platform, arch } = process;
const onWindows = platform === "win32";
/** For it node-llama-cpp brings libraries for the GPU only. */
const onAppleSilicon = platform === "darwin" && arch === "arm64";

const nativeFile = (name: string) => fileURLToPath(new URL(`./native/${name}`, import.meta.url));

/** Our backend, named as ggml names its own. */
export const backendPath = nativeFile(onWindows ? "ggml-flash.dll" : "libggml-flash.so");
export const addonPath = nativeFile("flint-addon.node");
export const converterPath = nativeFile(onWindows ? "flint-convert.exe" : "flint-convert");

/** Which of node-llama-cpp's libraries are used. The GPU is not, where there is a choice. */
export const gpu = onAppleSilicon ? "metal" : false;

/** Where node-llama-cpp keeps llama.cpp's libraries for this platform. */
export function librariesFolder(): string {
  const system = onWindows ? "win" : platform === "darwin" ? "mac" : platform;
  const name = `${system}-${arch}${gpu ? `-${gpu}` : ""}`;
  const path = `../../@node-llama-cpp/${name}/bins/${name}`;
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
