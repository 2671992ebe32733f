import * as vscode from "vscode";
import type { ModelsFolder } from "../../models/library/modelsFolder.js";
import { diskSize } from "../numbers.js";
import { withNotification } from "./progressNotification.js";

/**
 * Offers to move the models of one folder to another, and moves them.
 * @returns a function that gives the path of a model afterwards, moved or not
 */
export async function offerToMove(from: ModelsFolder, to: ModelsFolder): Promise<(path: string) => string> {
  const models = (await from.list()).filter(({ state }) => state !== "partial");
  const unmoved = (path: string) => path;
  if (models.length === 0) return unmoved;
  const bytes = models.reduce((sum, model) => sum + model.bytes, 0);
  const count = models.length === 1 ? vscode.l10n.t("1 model") : vscode.l10n.t("{0} models", models.length);
  const question = vscode.l10n.t("{0} ({1}) are in {2}. Move them to {3}?", count, diskSize(bytes), from.path, to.path);
  const [move, leave] = [vscode.l10n.t("Move"), vscode.l10n.t("Don't Move")];
  if ((await vscode.window.showInformationMessage(question, move, leave)) !== move) return unmoved;
  await withNotification(vscode.l10n.t("Moving models"), (report, signal) =>
    from.moveTo(to, signal, (name) => report.report({ message: name })),
  );
  const there = await to.list();
  return (path) => {
    const name = models.find((model) => model.path === path)?.name;
    return there.find((model) => model.name === name)?.path ?? path;
  };
}
