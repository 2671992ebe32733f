import * as vscode from "vscode";
import { applyBlock } from "./apply/apply.js";
import type { SymbolRange } from "./apply/sides.js";
import { insertAtCursor } from "./insertAtCursor.js";
import { newFile } from "./newFile.js";
import type { Proposals } from "./proposals.js";
import { findTarget } from "./target.js";

/** Code of an answer, as the chat panel sends it. */
export interface AnswerCode {
  text: string;
  language: string;
  /** The file that the model has named. */
  path?: string | undefined;
}

/**
 * Shows what code changes in the file it is for, to be accepted or rejected.
 * @param attached paths of what the question is about, the newest first
 * @throws Error when there is no such file
 */
export async function applyToFile(
  proposals: Proposals,
  { text, language, path }: AnswerCode,
  attached: readonly string[],
): Promise<void> {
  const target = await findTarget(path, attached);
  if (!target) {
    if (path !== undefined) return newFile(text, language, path);
    throw new Error(vscode.l10n.t("Open the file that the code is for, and apply it again."));
  }
  const document = await vscode.workspace.openTextDocument(target);
  const original = document.getText();
  const name = vscode.workspace.asRelativePath(target);
  const symbols = await symbolsOf(document);
  const result = applyBlock({ path: name, original, block: text, symbols });
  if ("text" in result) {
    await proposals.show(document, result.text, result.scope === "file");
    return;
  }
  const replace = vscode.l10n.t("Replace Whole File…");
  const insert = vscode.l10n.t("Insert at Cursor");
  const choice = await vscode.window.showWarningMessage(
    vscode.l10n.t("The code is not applied to {0}. {1}", name, result.refused),
    insert,
    replace,
  );
  if (choice === insert) await insertAtCursor(text);
  if (choice === replace) await proposals.show(document, withLineEnds(text, document), true);
}

/** All of the file becomes the code; the diff editor shows it before anything is written. */
function withLineEnds(text: string, document: vscode.TextDocument): string {
  const lines = text.replaceAll(/\r\n?/g, "\n");
  return document.eol === vscode.EndOfLine.CRLF ? lines.replaceAll("\n", "\r\n") : lines;
}

/** What a language server knows of a file; nothing where there is none. */
async function symbolsOf({ uri }: vscode.TextDocument): Promise<SymbolRange[]> {
  const found = await vscode.commands.executeCommand<(vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined>(
    "vscode.executeDocumentSymbolProvider",
    uri,
  );
  const ranges: SymbolRange[] = [];
  const add = (symbols: readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[]) => {
    for (const symbol of symbols) {
      if (!("range" in symbol)) continue;
      const { name, range, selectionRange, children } = symbol;
      ranges.push({ name, start: range.start.line, end: range.end.line, nameLine: selectionRange.start.line });
      add(children);
    }
  };
  add(found ?? []);
  return ranges;
}
