/** Every command that package.json contributes, with those of editor.ts. */
import * as vscode from "vscode";
import { readValidSettings } from "../config/read.js";
import { addToVscodeChat } from "../languageModels/vscodeChat.js";
import type { Node } from "../models/modelsView.js";
import { setSparsityMode } from "../models/sparsityMode.js";
import { showMenu } from "../status/menu.js";
import { changeRamCap } from "./changeRamCap.js";
import type { FlintContext } from "./context.js";
import { deleteConversation, exportConversation, renameConversation, showHistory } from "./conversations.js";
import { editorCommands } from "./editor.js";
import { downloadGpuLibraries } from "./gpuLibraries.js";
import { copyServerAddress, startServer } from "./server.js";

/**
 * @param node the row of the view of models that it is called on, if it is; for an editor's commands, its address
 * @param line in that editor, from 0
 */
type Command = (context: FlintContext, node?: Node, line?: number) => unknown;

export const commands: Readonly<Record<`flint.${string}`, Command>> = {
  "flint.newChat": async ({ conversations, chat }) => {
    conversations.startNew();
    await chat.focus();
  },
  "flint.openChatInEditor": ({ chat }) => chat.openInEditor(),
  "flint.showHistory": showHistory,
  "flint.renameChat": ({ conversations }) => renameConversation(conversations),
  "flint.exportChat": ({ conversations }) => exportConversation(conversations),
  "flint.deleteChat": ({ conversations }) => deleteConversation(conversations),
  "flint.stop": ({ conversations }) => conversations.current.stop(),

  "flint.acceptChange": ({ proposals }, view, line) => proposals.accept(view, line),
  "flint.rejectChange": ({ proposals }, view, line) => proposals.reject(view, line),
  "flint.acceptAllChanges": ({ proposals }, view) => proposals.acceptAll(view),
  "flint.rejectAllChanges": ({ proposals }, view) => proposals.rejectAll(view),

  "flint.chooseModel": ({ models }) => models.choose(),
  "flint.useModel": ({ models }, node) => models.useNode(node),
  "flint.chooseInlineModel": ({ models }) => models.chooseInline(),
  "flint.useModelForInline": ({ models }, node) => models.useForInline(node),
  "flint.useChatModelForInline": ({ models }) => models.useChatModelForInline(),

  "flint.snoozeInline": ({ inline }) => inline.snooze(),
  "flint.showStatistics": ({ inline }) => inline.showStatistics(),

  "flint.downloadModel": ({ models }) => models.download(),
  "flint.pauseDownload": ({ models }, node) => models.pause(node),
  "flint.resumeDownload": ({ models }, node) => models.resume(node),
  "flint.cancelDownload": ({ models }, node) => models.cancel(node),
  "flint.setHuggingFaceToken": ({ models }) => models.askToken(),

  "flint.convertModel": ({ models }, node) => models.convert(node),
  "flint.stopConversion": ({ models }, node) => models.stopConversion(node),
  "flint.setSparsityMode": () => setSparsityMode(readValidSettings()),

  "flint.verifyModel": ({ models }, node) => models.verify(node),
  "flint.deleteModel": ({ models }, node) => models.delete(node),
  "flint.copyModelPath": ({ models }, node) => models.copyPath(node),
  "flint.revealModel": ({ models }, node) => models.reveal(node),
  "flint.refreshModels": ({ models }) => models.refresh(),

  "flint.setBackendKey": ({ remote }) => remote.setKey(),

  "flint.startServer": startServer,
  "flint.stopServer": ({ server }) => server.stop(),
  "flint.copyServerAddress": copyServerAddress,
  "flint.addToVscodeChat": ({ output }) => addToVscodeChat((line) => output.info(line)),

  "flint.changeRamCap": changeRamCap,
  "flint.clearKvCache": async ({ kvCache }) => {
    await kvCache.clear();
    void vscode.window.showInformationMessage(vscode.l10n.t("The KV cache on disk was cleared."));
  },
  "flint.downloadGpuLibraries": downloadGpuLibraries,
  "flint.restartEngine": ({ engine }) => engine.restart(),
  "flint.showLog": ({ output }) => output.show(),
  "flint.showMenu": ({ server }) => showMenu(server.address),
};

export function registerCommands(context: FlintContext): vscode.Disposable {
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([name, run]) =>
      vscode.commands.registerCommand(name, (node?: Node, line?: number) => run(context, node, line)),
    ),
    ...Object.entries(editorCommands).map(([name, run]) =>
      vscode.commands.registerCommand(name, (...args: unknown[]) => run(context, ...args)),
    ),
  );
}
