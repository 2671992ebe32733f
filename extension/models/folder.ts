import { homedir } from "node:os";
import { join, resolve } from "node:path";
import * as vscode from "vscode";
import { defaultModelsFolder } from "../../engine-native/download/folder.js";

/** Where models are kept, by `flint.modelsFolder`. */
export function modelsFolder(): string {
  const setting = vscode.workspace.getConfiguration("flint").get<unknown>("modelsFolder");
  const text = typeof setting === "string" ? setting.trim() : "";
  if (text === "") return defaultModelsFolder();
  return /^~[/\\]/.test(text) ? join(homedir(), text.slice(2)) : resolve(homedir(), text);
}
