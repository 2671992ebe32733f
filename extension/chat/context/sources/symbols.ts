import * as vscode from "vscode";
import { type ContextSource, NothingToAttach } from "../source.js";
import { linesOf } from "./openEditor.js";

/** The symbols of the workspace that match, as the language servers know them. */
export async function findSymbols(query: string): Promise<vscode.SymbolInformation[]> {
  const found = await vscode.commands.executeCommand<vscode.SymbolInformation[] | undefined>(
    "vscode.executeWorkspaceSymbolProvider",
    query,
  );
  return found ?? [];
}

/** All lines of a symbol. */
export function symbolSource({ name, location }: vscode.SymbolInformation): ContextSource {
  const { uri, range } = location;
  const read = async () => {
    const document = await vscode.workspace.openTextDocument(uri);
    const source = linesOf(document, await wholeRange(document, range));
    if (!source) throw new NothingToAttach(vscode.l10n.t("{0} is empty.", name));
    const { attachments } = await source.read();
    return {
      attachments: attachments.map((attachment) => ({ ...attachment, label: `${name} · ${attachment.label}` })),
    };
  };
  return { key: `${uri}#${name}-${range.start.line}`, label: name, icon: "symbol-method", read };
}

/** The workspace's provider may know the place of the name only. */
async function wholeRange(document: vscode.TextDocument, range: vscode.Range): Promise<vscode.Range> {
  const symbols = await vscode.commands.executeCommand<
    (vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined
  >("vscode.executeDocumentSymbolProvider", document.uri);
  return smallestAround(symbols ?? [], range.start) ?? range;
}

function smallestAround(
  symbols: readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[],
  position: vscode.Position,
): vscode.Range | undefined {
  for (const symbol of symbols) {
    if (!("children" in symbol) || !symbol.range.contains(position)) continue;
    if (symbol.selectionRange.contains(position)) return symbol.range;
    return smallestAround(symbol.children, position) ?? symbol.range;
  }
  return undefined;
}
