import * as vscode from "vscode";
import { DownloadError } from "../../engine-native/download/errors.js";
import { deleteModel, type LibraryModel } from "../../engine-native/download/library.js";

/** Deletes a model, or tells the user why that can't be done now. @returns whether it is gone */
export async function deleteOrTell(folder: string, model: LibraryModel): Promise<boolean> {
  try {
    await deleteModel(folder, model);
    return true;
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    void vscode.window.showErrorMessage(error.message);
    return false;
  }
}
