import { totalmem } from "node:os";
import * as vscode from "vscode";
import { readRamCapText } from "../config/read.js";
import { parseRamCap } from "../config/schema.js";
import { updateSetting } from "../config/write.js";
import { InvalidSetting } from "../engine/errors.js";
import { memorySize } from "../numbers.js";

/** Asks for a new RAM cap. */
export async function changeRamCap(): Promise<void> {
  const value = await vscode.window.showInputBox({
    title: vscode.l10n.t("Change RAM cap"),
    prompt: vscode.l10n.t(
      "The most memory that the engine may use, including the model and its context. This machine has {0}.",
      memorySize(totalmem()),
    ),
    value: readRamCapText(),
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
