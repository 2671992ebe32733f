/**
 * VS Code's own chat answers somebody who is not signed in only once a provider of models has been added to it, by **Add Models** in
 * its list of models (read in 1.139.1).
 */
import * as vscode from "vscode";
import { vendor } from "./provider.js";

/** What **Add Models** does. VS Code promises nothing of it: where it is not there, its list of models is shown instead. */
const addCommand = "lm.addLanguageModelsProviderGroup";
const listCommand = "workbench.action.chat.manage";
const offeredKey = "flint.offeredVscodeChat";

/** Whether VS Code has a chat of its own here. */
const hasVscodeChat = (): boolean =>
  vscode.workspace.getConfiguration("chat").get<boolean>("disableAIFeatures") !== true;

/** Adds the models to VS Code's chat and opens it. */
export async function addToVscodeChat(log: (line: string) => void): Promise<void> {
  if (!hasVscodeChat()) {
    const open = vscode.l10n.t("Open Setting");
    const off = vscode.l10n.t("VS Code's own chat is off (chat.disableAIFeatures).");
    if ((await vscode.window.showWarningMessage(off, open)) === open) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "chat.disableAIFeatures");
    }
    return;
  }
  const models = await vscode.lm.selectChatModels({ vendor });
  if (models.length === 0) {
    vscode.window.showWarningMessage(vscode.l10n.t("There is no model yet that fits the RAM cap and could be added."));
    return;
  }
  const isKnown = (await vscode.commands.getCommands()).includes(addCommand);
  try {
    if (isKnown) await vscode.commands.executeCommand(addCommand, { vendor, name: "Flint" });
  } catch (error) {
    // It has been added before, as a rule.
    log(`VS Code's chat: ${String(error)}`);
  }
  await vscode.commands.executeCommand("workbench.action.chat.open");
  // In the list it can be seen that they are there; opening it also wakes what answers in that chat.
  await vscode.commands.executeCommand(listCommand);
}

/** Has VS Code list the models, and asks once whether its chat shall have them, when there are some. */
export async function offerVscodeChat(memento: vscode.Memento, log: (line: string) => void): Promise<void> {
  if (!hasVscodeChat()) return;
  // VS Code's list has only the models of providers that somebody has asked for once.
  const models = await vscode.lm.selectChatModels({ vendor });
  if (models.length === 0 || memento.get<boolean>(offeredKey)) return;
  await memento.update(offeredKey, true);
  const add = vscode.l10n.t("Add to VS Code's Chat");
  const question = vscode.l10n.t(
    "VS Code's own chat and its agents can use Flint's models too, on this machine and without signing in.",
  );
  if ((await vscode.window.showInformationMessage(question, add)) === add) await addToVscodeChat(log);
}
