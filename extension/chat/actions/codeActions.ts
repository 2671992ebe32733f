import * as vscode from "vscode";
import type { EditorTarget } from "./target.js";

/** Offers to fix and to explain what language servers and linters have found. */
class ProblemActions implements vscode.CodeActionProvider {
  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const [first] = diagnostics;
    if (!first) return [];
    const range = diagnostics.reduce((all, each) => all.union(each.range), first.range);
    const target: EditorTarget = { uri: document.uri, range, diagnostics: [...diagnostics] };
    return [
      action(vscode.l10n.t("Fix with Flint"), "flint.fix", target),
      action(vscode.l10n.t("Explain with Flint"), "flint.explain", target),
    ];
  }
}

function action(title: string, command: string, target: EditorTarget): vscode.CodeAction {
  const made = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  made.command = { title, command, arguments: [target] };
  made.diagnostics = [...(target.diagnostics ?? [])];
  return made;
}

export function registerCodeActions(): vscode.Disposable {
  return vscode.languages.registerCodeActionsProvider({ pattern: "**" }, new ProblemActions(), {
    providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
  });
}
