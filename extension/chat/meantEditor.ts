/** Which editor a person means who says "the open file", also while the chat itself is the active tab. */
import * as vscode from "vscode";

/** Of inputs and outputs that look like documents to VS Code. */
const otherSchemes = new Set(["output", "vscode-scm", "comment", "debug", "vscode-interactive-input"]);

/** Those that were active, the last one first. */
let recent: readonly vscode.TextEditor[] = [];

/** Remembers which editors become active, until it is disposed of. */
export function followEditors(): vscode.Disposable {
  remember(vscode.window.activeTextEditor);
  return vscode.window.onDidChangeActiveTextEditor(remember);
}

function remember(editor: vscode.TextEditor | undefined): void {
  if (!editor || !mayBeMeant(editor)) return;
  const { visibleTextEditors } = vscode.window;
  recent = [editor, ...recent.filter((each) => each !== editor && visibleTextEditors.includes(each))];
}

/**
 * The active editor, or else the visible one that was active last: while a webview is the active tab, VS Code has no active
 * editor. Of editors that never were active, the only one that is visible.
 */
export function meantEditor(): vscode.TextEditor | undefined {
  const { activeTextEditor: active, visibleTextEditors } = vscode.window;
  if (active && mayBeMeant(active)) return active;
  const visible = visibleTextEditors.filter(mayBeMeant);
  return recent.find((editor) => visible.includes(editor)) ?? (visible.length === 1 ? visible[0] : undefined);
}

/** Calls `changed` when `meantEditor`, or what is selected in it, may be another. */
export function onDidChangeMeantEditor(changed: () => void): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor(changed),
    vscode.window.onDidChangeVisibleTextEditors(changed),
    vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
      if (textEditor === meantEditor()) changed();
    }),
  );
}

function mayBeMeant({ document: { uri, languageId }, viewColumn }: vscode.TextEditor): boolean {
  if (isOurs(uri) || otherSchemes.has(uri.scheme) || languageId === "scminput") return false;
  // The sides of a comparison have no column of their own.
  return viewColumn !== undefined || !comparedByUs().has(uri.toString());
}

/** Of what we show beside a file: it goes with the comparison. */
const isOurs = ({ scheme }: vscode.Uri) => scheme.startsWith("flint-");

/** The files that are on show in comparisons of ours. */
function comparedByUs(): Set<string> {
  const inputs = vscode.window.tabGroups.all.map(({ activeTab }) => activeTab?.input);
  const comparisons = inputs.filter((input) => input instanceof vscode.TabInputTextDiff);
  return new Set(comparisons.filter(({ modified }) => isOurs(modified)).map(({ original }) => original.toString()));
}
