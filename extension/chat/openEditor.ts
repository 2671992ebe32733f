import { basename } from "node:path";
import * as vscode from "vscode";
import type { Attachment } from "../../webview/messages.js";
import { attach } from "./attachment.js";

const schemes = new Set(["file", "untitled", "vscode-notebook-cell", "vscode-remote", "vscode-vfs"]);

/** What is selected in the editor that was used last, or all of it; undefined when none is open. */
export function openEditor(longest: number): Attachment | undefined {
  const editor = vscode.window.activeTextEditor;
  if (!editor || !schemes.has(editor.document.uri.scheme)) return undefined;
  const { document, selection } = editor;
  const { start, end } = selection;
  // A selection of whole lines ends at the start of the next one.
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  return attach(
    {
      name: basename(document.uri.path),
      language: document.languageId,
      lineCount: document.lineCount,
      line: (index) => document.lineAt(index).text,
      ...(!selection.isEmpty && { selection: { first: start.line, last } }),
    },
    longest,
  );
}

/** Calls `changed` when `openEditor` may give something else. */
export function onDidChangeOpenEditor(changed: () => void): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(changed),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
      if (textEditor === vscode.window.activeTextEditor) changed();
    }),
  );
}

/** Puts code in place of the selection of the editor that was used last. @throws Error when there is none */
export async function insertAtCursor(code: string): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error("Open a file to insert code into.");
  const text = code.replace(/\n$/, "");
  const done = await editor.edit((edit) => edit.replace(editor.selection, text));
  if (!done) throw new Error("The file can't be changed.");
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
}
