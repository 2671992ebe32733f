import * as vscode from "vscode";
import type { LibraryModel, ModelsFolder } from "../../models/library/modelsFolder.js";
import { ProgressShare, withNotification } from "./progressNotification.js";
import { percent } from "./text.js";

/** Compares a model with the checksum that its source gave, and says what was found. */
export async function verifyWithError(folder: ModelsFolder, model: LibraryModel): Promise<void> {
  const verified = await withNotification(vscode.l10n.t("Verifying {0}", model.name), async (report, signal) => {
    const progress = new ProgressShare(report);
    const damaged = await folder.verify(model, signal, (done, total) => {
      progress.show((done / total) * 100, `${percent(done, total)}%`);
    });
    return { damaged };
  });
  if (!verified) return;
  if (verified.damaged === undefined) {
    void vscode.window.showInformationMessage(vscode.l10n.t("{0} matches its checksum.", model.name));
  } else void vscode.window.showErrorMessage(verified.damaged);
}
