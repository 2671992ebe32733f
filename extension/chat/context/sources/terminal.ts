import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import { copiedSelection } from "../copiedSelection.js";
import { type ContextSource, NothingToAttach } from "../source.js";

/** What is selected in the terminal that was used last. */
export function terminalSelection(): ContextSource {
  const label = vscode.l10n.t("Terminal selection");
  const read = async () => {
    const text = vscode.window.activeTerminal ? (await selection()).trimEnd() : "";
    if (text === "") throw new NothingToAttach(vscode.l10n.t("Select text in a terminal first."));
    return { attachments: [{ label, name: label, firstLine: 1, language: "text", text }] };
  };
  return { key: "terminal", label, icon: "terminal", read };
}

/**
 * VS Code has no other way to it than over the clipboard, of which it knows only the text. See {@link copiedSelection} for what
 * becomes of what is there.
 * @throws vscode.CancellationError where the person wants the clipboard to stay as it is
 */
async function selection(): Promise<string> {
  const text = await copiedSelection(
    vscode.env.clipboard,
    () => vscode.commands.executeCommand("workbench.action.terminal.copySelection"),
    mayReplaceClipboard,
    randomUUID(),
  );
  if (text === undefined) throw new vscode.CancellationError();
  return text;
}

async function mayReplaceClipboard(): Promise<boolean> {
  const copy = vscode.l10n.t("Copy Selection");
  const choice = await vscode.window.showWarningMessage(
    vscode.l10n.t("Copy the terminal's selection to the clipboard?"),
    {
      modal: true,
      detail: vscode.l10n.t(
        "There is no other way to read it. The clipboard has no text now; a picture or anything else in it will be lost.",
      ),
    },
    copy,
  );
  return choice === copy;
}
