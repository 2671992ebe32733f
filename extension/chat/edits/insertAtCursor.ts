import * as vscode from "vscode";
import { meantEditor } from "../meantEditor.js";

/** Puts code in place of the selection of the editor that is meant. @throws Error when there is none */
export async function insertAtCursor(code: string): Promise<void> {
  const editor = meantEditor();
  if (!editor) throw new Error(vscode.l10n.t("Open a file to insert code into."));
  const text = code.replace(/\n$/, "");
  const done = await editor.edit((edit) => edit.replace(editor.selection, text));
  if (!done) throw new Error(vscode.l10n.t("The file could not be changed: it may be read-only."));
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
}
