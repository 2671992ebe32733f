import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { formatSize, parseSize } from "../engine-native/size.js";
import { InvalidSetting } from "./engine/errors.js";
import type { EngineSettings } from "./engine/state.js";

/** Below this not even an empty engine runs. */
const smallestCapBytes = 128 * 1024 ** 2;

/** The values as they stand in settings.json: of any type, since anybody may have written them. */
export interface RawSettings {
  /** `flint.model` */
  model: unknown;
  /** `flint.ramCap` */
  ramCap: unknown;
  /** `flint.contextSize` */
  contextSize: unknown;
  /** `flint.draftModel` */
  draftModel: unknown;
  /** `flint.inlineModel` */
  inlineModel: unknown;
  /** `flint.predictedModels` */
  predictedModels: unknown;
}

/**
 * Turns the settings into what the engine needs; undefined when no model is chosen.
 * @param folder that a relative path of a model starts from.
 * @throws InvalidSetting
 */
export function parseSettings(raw: RawSettings, folder = homedir()): EngineSettings | undefined {
  const chatModelPath = parsePath("flint.model", raw.model, folder);
  const inlineModelPath = parsePath("flint.inlineModel", raw.inlineModel, folder);
  // One model alone does both.
  const modelPath = chatModelPath ?? inlineModelPath;
  if (modelPath === undefined) return undefined;
  const contextTokens = parseContextSize(raw.contextSize);
  const draftModelPath = parsePath("flint.draftModel", raw.draftModel, folder);
  return {
    modelPath,
    ramCapBytes: parseRamCap(raw.ramCap),
    ...(contextTokens > 0 && { contextTokens }),
    ...(draftModelPath !== undefined && { draftModelPath }),
    ...(inlineModelPath !== undefined && inlineModelPath !== modelPath && { inlineModelPath }),
    ...(parsePaths("flint.predictedModels", raw.predictedModels, folder).includes(modelPath) && {
      sparsity: "predict" as const,
    }),
  };
}

/** Reads the path of a model; undefined where there is none. As {@link parseSettings}. */
export function parsePath(name: InvalidSetting["setting"], value: unknown, folder = homedir()): string | undefined {
  if (typeof value !== "string") throw new InvalidSetting(name, `${name} must be the path of a file.`);
  const path = value.trim();
  if (path === "") return undefined;
  return /^~[/\\]/.test(path) ? join(homedir(), path.slice(2)) : resolve(folder, path);
}

/** Reads a list of paths. As {@link parseSettings}. */
export function parsePaths(name: InvalidSetting["setting"], value: unknown, folder = homedir()): string[] {
  if (!Array.isArray(value)) throw new InvalidSetting(name, `${name} must be a list of paths of files.`);
  return value.flatMap((path: unknown) => parsePath(name, path, folder) ?? []);
}

/** Reads `flint.ramCap` into bytes. @throws InvalidSetting, with a message that tells how to write it. */
export function parseRamCap(value: unknown): number {
  const bytes = typeof value === "string" ? parseSize(value) : undefined;
  if (bytes === undefined) {
    throw new InvalidSetting("flint.ramCap", `“${String(value)}” is not a size. Write it like 4GiB or 768MiB.`);
  }
  if (bytes < smallestCapBytes) {
    throw new InvalidSetting(
      "flint.ramCap",
      `A RAM cap of ${formatSize(bytes)} is too small: the engine needs at least ${formatSize(smallestCapBytes)}.`,
    );
  }
  return bytes;
}

function parseContextSize(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidSetting(
    "flint.contextSize",
    "flint.contextSize must be a whole number of tokens, or 0 for automatic.",
  );
}

/** `bytes` as a value for `flint.ramCap`, rounded up to what reads well: quarters of a GiB, or below one 64 MiB. */
export function ramCapValue(bytes: number): string {
  const mebibytes = Math.ceil(bytes / 1024 ** 2 / 64) * 64;
  return mebibytes < 1024 ? `${mebibytes}MiB` : `${Math.ceil(mebibytes / 256) / 4}GiB`;
}
