import * as vscode from "vscode";
import { type ModelSetting, ramCapValue, type SettingName } from "./schema.js";

/** Sets `flint.<name>` in the workspace where it is set there, else for the user. */
export async function updateSetting(name: SettingName, value: string | number | boolean | string[]): Promise<void> {
  const configuration = vscode.workspace.getConfiguration("flint");
  const inWorkspace = configuration.inspect(name)?.workspaceValue !== undefined;
  const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  await configuration.update(name, value, target);
}

/** Sets `flint.<name>` as {@link updateSetting} does. @param paths one, unless the setting is a list */
export async function updateModelPaths(name: ModelSetting, paths: string[]): Promise<void> {
  await updateSetting(name, name === "predictedModels" ? paths : (paths[0] ?? ""));
}

/** Raises the cap to at least `bytes`. */
export async function raiseRamCap(bytes: number): Promise<void> {
  await updateSetting("ramCap", ramCapValue(bytes));
}
