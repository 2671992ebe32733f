import * as vscode from "vscode";
import { DownloadError } from "../../models/errors.js";
import type { LibraryModel, ModelsFolder } from "../../models/library/modelsFolder.js";

/** Deletes a model, or tells the user why that can't be done now. @returns whether it is gone */
export async function deleteWithError(folder: ModelsFolder, model: LibraryModel): Promise<boolean> {
  try {
    await folder.delete(model);
    return true;
  } catch (error) {
    if (!(error instanceof DownloadError)) throw error;
    void vscode.window.showErrorMessage(error.message);
    return false;
  }
}
