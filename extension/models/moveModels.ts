import * as vscode from "vscode";
import { gigabytes } from "../../engine-native/download/disk.js";
import { DownloadError } from "../../engine-native/download/errors.js";
import { listLibrary, moveLibrary } from "../../engine-native/download/library.js";

/**
 * Asks whether the models of one folder are to come along to another, and moves them.
 * @returns what the path of a model is afterwards, moved or not
 */
export async function offerToMove(from: string, to: string): Promise<(path: string) => string> {
  const models = (await listLibrary(from)).filter(({ state }) => state !== "partial");
  const unmoved = (path: string) => path;
  if (models.length === 0) return unmoved;
  const bytes = models.reduce((sum, model) => sum + model.bytes, 0);
  const count = models.length === 1 ? "1 model" : `${models.length} models`;
  const question = `${count} (${gigabytes(bytes)}) are in ${from}. Move them to ${to}?`;
  if ((await vscode.window.showInformationMessage(question, "Move", "Leave them")) !== "Move") return unmoved;
  try {
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: "Moving models", cancellable: true },
      (report, token) => {
        const controller = new AbortController();
        token.onCancellationRequested(() => controller.abort());
        return moveLibrary(from, to, controller.signal, (name) => report.report({ message: name }));
      },
    );
  } catch (error) {
    if (error instanceof DownloadError) void vscode.window.showErrorMessage(error.message);
    else if (!(error instanceof Error && error.name === "AbortError")) throw error;
  }
  const there = await listLibrary(to);
  return (path) => {
    const name = models.find((model) => model.path === path)?.name;
    return there.find((model) => model.name === name)?.path ?? path;
  };
}
