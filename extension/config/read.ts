/** The settings as they are now. */
import { homedir, totalmem } from "node:os";
import * as vscode from "vscode";
import { defaultModelsFolder } from "../../models/library/folder.js";
import { ModelsFolder } from "../../models/library/modelsFolder.js";
import { parseReference, type RemoteReference } from "../backends/remote/reference.js";
import { type BackendSettings, parseBackends } from "../backends/remote/settings.js";
import { InvalidSetting } from "../engine/errors.js";
import type { EngineSettings } from "../engine/state.js";
import {
  type ModelSetting,
  parseKvCache,
  parsePath,
  parsePaths,
  parseRamCap,
  parseSettings,
  resolvePath,
  type SettingName,
} from "./schema.js";

const get = (name: SettingName) => vscode.workspace.getConfiguration("flint").get<unknown>(name);
/** What a relative path of a model starts from. */
const workspaceFolder = () => vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;

/**
 * What the engine needs; undefined when no model is chosen. @throws InvalidSetting
 * @param modelPath a model to use instead, without the draft model, which belongs to the one of the settings
 */
export function readSettings(modelPath?: string): EngineSettings | undefined {
  const own = () => parsePath("flint.model", get("model"), workspaceFolder());
  const other = modelPath !== undefined && modelPath !== unlessInvalid(own, undefined) ? modelPath : undefined;
  const raw = {
    model: other ?? get("model"),
    ramCap: get("ramCap"),
    contextSize: get("contextSize"),
    draftModel: other === undefined ? get("draftModel") : "",
    inlineModel: get("inlineModel"),
    predictedModels: get("predictedModels"),
    kvCache: get("kvCache"),
  };
  return parseSettings(raw, workspaceFolder());
}

/** As {@link readSettings}; undefined also where a setting is invalid, which the engine's state tells. */
export function readValidSettings(): EngineSettings | undefined {
  return unlessInvalid(() => readSettings(), undefined);
}

/** The paths that `flint.<name>` names; none where it is invalid. */
export function readModelPaths(name: ModelSetting): string[] {
  return unlessInvalid(() => {
    if (name === "predictedModels") return parsePaths(`flint.${name}`, get(name), workspaceFolder());
    const path = parsePath(`flint.${name}`, get(name), workspaceFolder());
    return path === undefined ? [] : [path];
  }, []);
}

/** `flint.ramCap` as it is written. */
export function readRamCapText(): string {
  const text = get("ramCap");
  return typeof text === "string" ? text : "";
}

/** `flint.ramCap` in bytes; where it is invalid half of this machine's memory, so that fit can be told. */
export function readRamCapBytes(): number {
  return unlessInvalid(() => parseRamCap(get("ramCap")), Math.floor(totalmem() / 2));
}

/** Whether `flint.kvCache` is off. */
export function readKvCacheIsOff(): boolean {
  return unlessInvalid(() => parseKvCache(get("kvCache")) === 0, false);
}
/** Whether the engine may use a GPU. */
export const readGpu = (): "auto" | "off" => (get("gpu") === "off" ? "off" : "auto");

/** Where models are kept, by `flint.modelsFolder`. */
export function readModelsFolder(): ModelsFolder {
  const setting = get("modelsFolder");
  const text = typeof setting === "string" ? setting.trim() : "";
  return new ModelsFolder(text === "" ? defaultModelsFolder() : resolvePath(text, homedir()));
}

/** The other machines of `flint.backends`. Those of a workspace never count. @throws InvalidSetting */
export function readBackends(): BackendSettings[] {
  return parseBackends(vscode.workspace.getConfiguration("flint").inspect<unknown>("backends")?.globalValue);
}

/** The model of another machine that `flint.<name>` names; undefined where it names none. */
export function readRemoteModel(name: "model" | "inlineModel"): RemoteReference | undefined {
  const value = get(name);
  return typeof value === "string" ? parseReference(value.trim()) : undefined;
}

/** Where the server listens; 0: any free port. */
export function readServerPort(): number {
  const port = get("serverPort");
  return typeof port === "number" && Number.isInteger(port) && port > 0 && port <= 65_535 ? port : 0;
}

/** Whether there are inline suggestions, by language; `*` stands for all others. */
export function readInlineLanguages(): Record<string, boolean> {
  const value = get("inline.languages");
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, boolean] => typeof entry[1] === "boolean"),
  );
}

/** Whether models that can do without are to think before they answer. */
export function readThinking(): boolean {
  return get("thinking") !== false;
}

/** Calls `changed` when a setting may have another value. */
export function onDidChangeSettings(changed: () => void): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("flint")) changed();
    }),
    // In a workspace that was not trusted before, its own `flint.model` counts from now on.
    vscode.workspace.onDidGrantWorkspaceTrust(changed),
  );
}

/** Calls `changed` when `flint.gpu` has another value. */
export const onDidChangeGpu = (changed: () => void): vscode.Disposable =>
  vscode.workspace.onDidChangeConfiguration((change) => {
    if (change.affectsConfiguration("flint.gpu")) changed();
  });

function unlessInvalid<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidSetting) return otherwise;
    throw error;
  }
}
