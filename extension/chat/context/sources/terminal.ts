import * as vscode from "vscode";
import { type ContextSource, NothingToAttach } from "../source.js";

/** What is selected in the terminal that was used last. */
export function terminalSelection(): ContextSource {
  const label = vscode.l10n.t("Terminal selection");
  const read = async () => {
    const text = vscode.window.activeTerminal ? (await copiedSelection()).trimEnd() : "";
    if (text === "") throw new NothingToAttach(vscode.l10n.t("Select text in a terminal first."));
    return { attachments: [{ label, name: label, firstLine: 1, language: "text", text }] };
  };
  return { key: "terminal", label, icon: "terminal", read };
}

/** VS Code has no other way to it than over the clipboard, which is left as it was. */
async function copiedSelection(): Promise<string> {
  const before = await vscode.env.clipboard.readText();
  await vscode.env.clipboard.writeText("");
  try {
    await vscode.commands.executeCommand("workbench.action.terminal.copySelection");
    return await vscode.env.clipboard.readText();
  } finally {
    await vscode.env.clipboard.writeText(before);
  }
}
