import * as vscode from "vscode";
import { type FoundProblem, problemsText } from "../problemsText.js";
import { type ContextSource, NothingToAttach } from "../source.js";
import { pathInWorkspace } from "./workspace.js";

const severities = ["error", "warning", "info", "hint"] as const;

/** How many problems a document, or without one the workspace, has. */
export function problemCount(uri?: vscode.Uri): number {
  return found(uri).length;
}

/** The problems of a document, or without one of the workspace, as they are when they are read. */
export function problemsOf(uri?: vscode.Uri): ContextSource {
  const label = uri
    ? vscode.l10n.t("Problems in {0}", pathInWorkspace(uri) ?? uri.path)
    : vscode.l10n.t("Problems in the workspace");
  const read = async () => contentOf(label, found(uri));
  return { key: `problems:${uri ?? ""}`, label, icon: "warning", uri: uri?.toString(), read };
}

/** Some problems of a document, as they are now. */
export function theseProblems(uri: vscode.Uri, diagnostics: readonly vscode.Diagnostic[]): ContextSource {
  const [first] = diagnostics;
  const line = (first?.range.start.line ?? 0) + 1;
  const label = vscode.l10n.t("Problem in line {0}", line);
  const content = contentOf(label, diagnostics.map(toProblem(uri)));
  return { key: `problem:${uri}#${line}`, label, icon: "warning", read: async () => content };
}

function contentOf(label: string, problems: readonly FoundProblem[]) {
  if (problems.length === 0) throw new NothingToAttach(vscode.l10n.t("There are no problems."));
  return { attachments: [{ label, name: label, firstLine: 1, language: "text", text: problemsText(problems) }] };
}

function found(uri?: vscode.Uri): FoundProblem[] {
  const all: (readonly [vscode.Uri, readonly vscode.Diagnostic[]])[] = uri
    ? [[uri, vscode.languages.getDiagnostics(uri)]]
    : vscode.languages.getDiagnostics();
  return all.flatMap(([each, diagnostics]) => diagnostics.map(toProblem(each)));
}

const toProblem =
  (uri: vscode.Uri) =>
  ({ range, severity, message, source, code }: vscode.Diagnostic): FoundProblem => ({
    path: pathInWorkspace(uri) ?? uri.path,
    line: range.start.line + 1,
    column: range.start.character + 1,
    severity: severities[severity] ?? "error",
    message,
    source: [source, typeof code === "object" ? code.value : code].filter((part) => part !== undefined).join(" "),
  });
