import * as vscode from "vscode";
import { updateSetting } from "../config/write.js";

/** Lets the person choose a `.gguf` file. */
export async function askForModelFile(): Promise<string | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      title: vscode.l10n.t("Choose a model"),
      openLabel: vscode.l10n.t("Use this model"),
      filters: { [vscode.l10n.t("GGUF models")]: ["gguf"] },
    })) ?? [];
  return file?.fsPath;
}

/** Lets the person choose a `.gguf` file and makes it the model. */
export async function chooseModelFile(): Promise<void> {
  const path = await askForModelFile();
  if (path !== undefined) await updateSetting("model", path);
}
