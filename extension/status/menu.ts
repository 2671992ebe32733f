import * as vscode from "vscode";

/** What a click on the status bar offers. @param serverAddress of the server, while it runs */
export async function showMenu(serverAddress: string | undefined): Promise<void> {
  const server =
    serverAddress === undefined
      ? [{ label: vscode.l10n.t("$(broadcast) Start server for other programs"), command: "flint.startServer" }]
      : [
          {
            label: vscode.l10n.t("$(copy) Copy server address"),
            description: serverAddress,
            command: "flint.copyServerAddress",
          },
          { label: vscode.l10n.t("$(circle-slash) Stop server"), command: "flint.stopServer" },
        ];
  const items: (vscode.QuickPickItem & { command: string })[] = [
    { label: vscode.l10n.t("$(comment-discussion) Open chat"), command: "flint.chat.focus" },
    { label: vscode.l10n.t("$(package) Switch model…"), command: "flint.chooseModel" },
    { label: vscode.l10n.t("$(lightbulb) Choose model for inline suggestions…"), command: "flint.chooseInlineModel" },
    { label: vscode.l10n.t("$(symbol-numeric) Set sparsity mode…"), command: "flint.setSparsityMode" },
    { label: vscode.l10n.t("$(dashboard) Change RAM cap…"), command: "flint.changeRamCap" },
    ...server,
    { label: vscode.l10n.t("$(debug-restart) Restart engine"), command: "flint.restartEngine" },
    { label: vscode.l10n.t("$(output) Show log"), command: "flint.showLog" },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: "Flint" });
  if (picked) await vscode.commands.executeCommand(picked.command);
}
