/** VS Code names chats and writes commit messages with models of its own settings: offered once to be Flint's. */
import * as vscode from "vscode";

const offeredKey = "flint.offeredUtilityModels";
/** Each is `vendor/id`. */
const settings = ["utilityModel", "utilitySmallModel"] as const;

/** Asks once, after the first answer in VS Code's own chat. Does nothing where these settings are unknown or set. */
export async function offerUtilityModels(memento: vscode.Memento, model: string): Promise<void> {
  const chat = vscode.workspace.getConfiguration("chat");
  const unset = settings.filter((name) => {
    const found = chat.inspect<string>(name);
    return found?.defaultValue !== undefined && !found.globalValue && !found.workspaceValue;
  });
  if (unset.length === 0 || memento.get<boolean>(offeredKey)) return;
  await memento.update(offeredKey, true);
  const use = vscode.l10n.t("Use Flint");
  const question = vscode.l10n.t(
    "VS Code names chats and writes commit messages with a model of its own. Use {0} for that, on this machine?",
    model,
  );
  if ((await vscode.window.showInformationMessage(question, use)) !== use) return;
  for (const name of unset) await chat.update(name, model, vscode.ConfigurationTarget.Global);
}
