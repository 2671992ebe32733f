import * as vscode from "vscode";
import { DownloadError } from "../../engine-native/download/errors.js";
import { type LibraryModel, verifyModel } from "../../engine-native/download/library.js";

/** Compares a model with what its source promised, and says what was found. */
export async function verifyOrTell(folder: string, model: LibraryModel): Promise<void> {
  try {
    const damaged = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: `Verifying ${model.name}`, cancellable: true },
      (report, token) => {
        const controller = new AbortController();
        token.onCancellationRequested(() => controller.abort());
        let shown = 0;
        return verifyModel(folder, model, controller.signal, (done, total) => {
          const share = (done / total) * 100;
          report.report({ message: `${Math.floor(share)}%`, increment: share - shown });
          shown = share;
        });
      },
    );
    if (damaged === undefined) void vscode.window.showInformationMessage(`${model.name} is as its source has it.`);
    else void vscode.window.showErrorMessage(damaged);
  } catch (error) {
    if (error instanceof DownloadError) void vscode.window.showWarningMessage(error.message);
    else if (!(error instanceof Error && error.name === "AbortError")) throw error;
  }
}
