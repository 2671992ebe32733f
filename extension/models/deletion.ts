import * as vscode from "vscode";
import { DownloadError } from "../../engine-native/download/errors.js";
import { deleteModel, type LibraryModel } from "../../engine-native/download/library.js";

/** Deletes a model, or tells the user why that can't be done now. */
export async function deleteOrTell(folder: string, model: LibraryModel): Promise<void> {
  try {
    await deleteModel(folder, model);
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    void vscode.window.showErrorMessage(error.message);
  }
}
