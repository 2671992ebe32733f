import { homedir } from "node:os";
import { join, resolve } from "node:path";
import * as l10n from "@vscode/l10n";
import { parseSize } from "../../protocol/size.js";
import { isRemote } from "../backends/remote/reference.js";
import { InvalidSetting } from "../engine/errors.js";
import type { EngineSettings } from "../engine/state.js";
import { memorySize } from "../numbers.js";

/** Every setting of package.json, without its prefix. */
export const settingNames = [
  "model",
  "ramCap",
  "contextSize",
  "gpu",
  "modelsFolder",
  "draftModel",
  "inlineModel",
  "predictedModels",
  "kvCache",
  "backends",
  "serverPort",
  "inline.languages",
  "prompts",
  "thinking",
] as const;
export type SettingName = (typeof settingNames)[number];

/** The settings that name models. The last one names any number, the others one. */
export const modelSettings = ["model", "inlineModel", "draftModel", "predictedModels"] as const;
export type ModelSetting = (typeof modelSettings)[number];

/** Below this not even an empty engine runs. */
const smallestCapBytes = 128 * 1024 ** 2;

/** Settings that no load of a model depends on. */
type ReadElsewhere = "gpu" | "modelsFolder" | "backends" | "serverPort" | "inline.languages" | "prompts" | "thinking";
/** The values as they are in settings.json: people write them, so they may be of any type. */
export type RawSettings = Record<Exclude<SettingName, ReadElsewhere>, unknown>;

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
  const kvCacheBytes = parseKvCache(raw.kvCache);
  return {
    modelPath,
    ramCapBytes: parseRamCap(raw.ramCap),
    ...(contextTokens > 0 && { contextTokens }),
    ...(draftModelPath !== undefined && { draftModelPath }),
    ...(inlineModelPath !== undefined && inlineModelPath !== modelPath && { inlineModelPath }),
    ...(parsePaths("flint.predictedModels", raw.predictedModels, folder).includes(modelPath) && {
      sparsity: "predict" as const,
    }),
    ...(kvCacheBytes > 0 && { kvCacheBytes }),
  };
}

/** Reads the path of a model; undefined where there is none. As {@link parseSettings}. */
export function parsePath(name: InvalidSetting["setting"], value: unknown, folder = homedir()): string | undefined {
  if (typeof value !== "string") throw new InvalidSetting(name, l10n.t("{0} must be the path of a file.", name));
  const path = value.trim();
  // A model of another machine has no path.
  if (path === "" || isRemote(path)) return undefined;
  return resolvePath(path, folder);
}

/** Reads a list of paths. As {@link parseSettings}. */
export function parsePaths(name: InvalidSetting["setting"], value: unknown, folder = homedir()): string[] {
  if (!Array.isArray(value)) throw new InvalidSetting(name, l10n.t("{0} must be a list of paths.", name));
  return value.flatMap((path: unknown) => parsePath(name, path, folder) ?? []);
}

/** Reads `flint.ramCap` into bytes. @throws InvalidSetting, with a message that tells how to write it. */
export function parseRamCap(value: unknown): number {
  const bytes = typeof value === "string" ? parseSize(value) : undefined;
  if (bytes === undefined) {
    throw new InvalidSetting(
      "flint.ramCap",
      l10n.t("“{0}” is not a size. Write it like 4GiB or 768MiB.", String(value)),
    );
  }
  if (bytes < smallestCapBytes) {
    throw new InvalidSetting(
      "flint.ramCap",
      l10n.t(
        "A RAM cap of {0} is too small: the engine needs at least {1}.",
        memorySize(bytes),
        memorySize(smallestCapBytes),
      ),
    );
  }
  return bytes;
}

/** Reads `flint.kvCache` into bytes; 0 where it is off. @throws InvalidSetting */
export function parseKvCache(value: unknown): number {
  if (typeof value === "string" && value.trim().toLowerCase() === "off") return 0;
  const bytes = typeof value === "string" ? parseSize(value) : undefined;
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new InvalidSetting(
    "flint.kvCache",
    l10n.t("“{0}” is not a size on disk. Write it like 4GiB, or off.", String(value)),
  );
}

function parseContextSize(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidSetting(
    "flint.contextSize",
    l10n.t("flint.contextSize must be a whole number of tokens, or 0 for automatic."),
  );
}

/** `bytes` as a value for `flint.ramCap`, rounded up to what reads well: quarters of a GiB, or below one 64 MiB. */
export function ramCapValue(bytes: number): string {
  const mebibytes = Math.ceil(bytes / 1024 ** 2 / 64) * 64;
  return mebibytes < 1024 ? `${mebibytes}MiB` : `${Math.ceil(mebibytes / 256) / 4}GiB`;
}

/** What a button says that raises the cap to {@link ramCapValue}: "Raise the cap to 3 GiB". */
export function raiseCapLabel(bytes: number): string {
  return l10n.t("Raise the cap to {0}", ramCapValue(bytes).replace(/(?=[MG]iB)/, " "));
}

/** A path as people write it: `~/` is the home folder. @param folder that a relative path starts from */
export function resolvePath(path: string, folder: string): string {
  return /^~[/\\]/.test(path) ? join(homedir(), path.slice(2)) : resolve(folder, path);
}
