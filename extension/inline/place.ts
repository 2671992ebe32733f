/** From an editor's document and position to what a suggestion is asked for. */
import * as vscode from "vscode";
import { type Cursor, cursorAt } from "./cursor/cursor.js";

export interface EditorPlace {
  /** Of the document. */
  file: string;
  cursor: Cursor;
  /** The document with what the suggest widget would insert, and the cursor's place in it, in characters. */
  text: string;
  offset: number;
}

/**
 * The cursor in a document; undefined where a suggestion would only be in the way.
 * @param selected what the suggest widget would insert, and what it would replace: a suggestion goes on from there
 */
export function placeAt(
  document: vscode.TextDocument,
  position: vscode.Position,
  selected?: vscode.SelectedCompletionInfo,
): EditorPlace | undefined {
  const text = document.getText();
  const offset = document.offsetAt(position);
  const written = selected
    ? text.slice(0, document.offsetAt(selected.range.start)) + selected.text
    : text.slice(0, offset);
  const cells = cellsBefore(document);
  const before = cells + written;
  const rest = text.slice(offset);
  const cursor = cursorAt(before + rest, before.length, formatOf(document));
  return cursor && { file: document.uri.toString(), cursor, text: written + rest, offset: written.length };
}

function formatOf(document: vscode.TextDocument) {
  const lineEnd = document.eol === vscode.EndOfLine.CRLF ? ("\r\n" as const) : ("\n" as const);
  const editor = vscode.window.visibleTextEditors.find((each) => each.document === document);
  if (!editor) return { lineEnd };
  const { insertSpaces, tabSize } = editor.options;
  const width = typeof tabSize === "number" && tabSize > 0 && tabSize <= 16 ? tabSize : 4;
  return { lineEnd, indentation: insertSpaces === false ? "\t" : " ".repeat(width) };
}

/** The code of a notebook above a cell, if the document is one. */
function cellsBefore(document: vscode.TextDocument): string {
  if (document.uri.scheme !== "vscode-notebook-cell") return "";
  for (const notebook of vscode.workspace.notebookDocuments) {
    const cells = notebook.getCells();
    const index = cells.findIndex((cell) => cell.document === document);
    if (index === -1) continue;
    const code = cells.slice(0, index).filter((cell) => cell.kind === vscode.NotebookCellKind.Code);
    return code
      .filter((cell) => cell.document.languageId === document.languageId)
      .map((cell) => `${cell.document.getText()}\n\n`)
      .join("");
  }
  return "";
}
