import { totalmem } from "node:os";
import * as vscode from "vscode";
import { formatSize } from "../../engine-native/size.js";
import { InvalidSetting } from "../engine/errors.js";
import { parsePath, parsePaths, parseRamCap, ramCapValue } from "../settings.js";
import type { ModelSetting } from "./followMove.js";

/** Sets `flint.<name>` where it is set already, else for the user. */
export async function updateSetting(
  name: ModelSetting | "ramCap" | "contextSize",
  value: string | number | string[],
): Promise<void> {
  const configuration = vscode.workspace.getConfiguration("flint");
  const inWorkspace = configuration.inspect(name)?.workspaceValue !== undefined;
  const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  await configuration.update(name, value, target);
}

/** The paths that `flint.<name>` names; none where it makes no sense. */
export function readModelPaths(name: ModelSetting): string[] {
  const value = vscode.workspace.getConfiguration("flint").get<unknown>(name);
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  try {
    if (name === "predictedModels") return parsePaths(`flint.${name}`, value, folder);
    const path = parsePath(`flint.${name}`, value, folder);
    return path === undefined ? [] : [path];
  } catch (error) {
    if (error instanceof InvalidSetting) return [];
    throw error;
  }
}

/** Sets `flint.<name>` as `updateSetting` does. @param paths one, where it is no list */
export async function updateModelPaths(name: ModelSetting, paths: string[]): Promise<void> {
  await updateSetting(name, name === "predictedModels" ? paths : (paths[0] ?? ""));
}

/** Lets the person pick a `.gguf` file. */
export async function askForModelFile(): Promise<string | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      title: "Choose a model",
      openLabel: "Use this model",
      filters: { "GGUF models": ["gguf"] },
    })) ?? [];
  return file?.fsPath;
}

/** Lets the person pick a `.gguf` file and makes it the model. */
export async function chooseModelFile(): Promise<void> {
  const path = await askForModelFile();
  if (path !== undefined) await updateSetting("model", path);
}

/** Asks for a new RAM cap. */
export async function changeRamCap(): Promise<void> {
  const value = await vscode.window.showInputBox({
    title: "RAM cap",
    prompt: `All the memory that the engine may take. This machine has ${formatSize(totalmem())}.`,
    value: vscode.workspace.getConfiguration("flint").get("ramCap", ""),
    placeHolder: "4GiB",
    validateInput: (text) => {
      try {
        parseRamCap(text);
        return undefined;
      } catch (error) {
        if (error instanceof InvalidSetting) return error.message;
        throw error;
      }
    },
  });
  if (value !== undefined) await updateSetting("ramCap", value.trim());
}

/** Raises the cap to at least `bytes`. */
export async function raiseRamCap(bytes: number): Promise<void> {
  await updateSetting("ramCap", ramCapValue(bytes));
}
