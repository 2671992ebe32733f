import * as vscode from "vscode";

/** What a click on the status bar offers. */
export async function showMenu(): Promise<void> {
  const items: (vscode.QuickPickItem & { command: string })[] = [
    { label: "$(comment-discussion) Open chat", command: "flint.chat.focus" },
    { label: "$(package) Switch model…", command: "flint.chooseModel" },
    { label: "$(lightbulb) Choose model for inline suggestions…", command: "flint.chooseInlineModel" },
    { label: "$(symbol-numeric) Choose neurons of a converted model…", command: "flint.chooseNeurons" },
    { label: "$(dashboard) Change RAM cap…", command: "flint.changeRamCap" },
    { label: "$(debug-restart) Restart engine", command: "flint.restartEngine" },
    { label: "$(output) Show log", command: "flint.showLog" },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: "Flint" });
  if (picked) await vscode.commands.executeCommand(picked.command);
}
