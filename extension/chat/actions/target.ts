import * as vscode from "vscode";
import type { ContextSource } from "../context/source.js";
import { linesOf } from "../context/sources/openEditor.js";
import { theseProblems } from "../context/sources/problems.js";

/** Where in a document something is to be done. */
export interface EditorTarget {
  uri: vscode.Uri;
  range: vscode.Range;
  /** What it is about. */
  diagnostics?: vscode.Diagnostic[];
}

/** The lines around a problem that are shown of it where no symbol encloses it. */
const linesAround = 20;

/** A target, of which VS Code hands others to commands. */
export function isTarget(value: unknown): value is EditorTarget {
  return typeof value === "object" && value !== null && "range" in value && value.range instanceof vscode.Range;
}

/** The code around a problem, and what is wrong with it. */
export async function sourcesOf({ uri, range, diagnostics = [] }: EditorTarget): Promise<ContextSource[]> {
  const document = await vscode.workspace.openTextDocument(uri);
  const code = linesOf(document, await enclosing(document, range));
  return [...(code ? [code] : []), ...(diagnostics.length > 0 ? [theseProblems(uri, diagnostics)] : [])];
}

/** The outermost function or class around a range, if it is not most of a long file; else some lines around. */
async function enclosing(document: vscode.TextDocument, range: vscode.Range): Promise<vscode.Range> {
  const whole = new vscode.Range(0, 0, document.lineCount, 0);
  if (document.lineCount <= 2 * linesAround) return document.validateRange(whole);
  const symbols = await vscode.commands.executeCommand<
    (vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined
  >("vscode.executeDocumentSymbolProvider", document.uri);
  const around = smallestAround(symbols ?? [], range);
  const lines = new vscode.Range(
    range.start.line - Math.min(linesAround, range.start.line),
    0,
    range.end.line + linesAround,
    0,
  );
  return document.validateRange(around ?? lines);
}

const blocks = new Set([vscode.SymbolKind.Function, vscode.SymbolKind.Method, vscode.SymbolKind.Constructor]);

/** The smallest function or method. */
function smallestAround(
  symbols: readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[],
  range: vscode.Range,
): vscode.Range | undefined {
  for (const symbol of symbols) {
    if (!("children" in symbol) || !symbol.range.contains(range)) continue;
    return smallestAround(symbol.children, range) ?? (blocks.has(symbol.kind) ? symbol.range : undefined);
  }
  return undefined;
}
