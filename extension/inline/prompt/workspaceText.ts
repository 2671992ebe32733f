/** Text of other files for completions: what the person opened, edited, saved and copied, and what the open file imports. */
import { posix } from "node:path";
import * as vscode from "vscode";
import type { PromptFile } from "../../../protocol/messages.js";
import { importedPaths } from "./imports.js";
import { ContextRing } from "./ring.js";
import { signaturesOf } from "./signatures.js";

/** Longer files are not looked into, in bytes. */
const longestFile = 400_000;
/** A language server that takes longer to find a definition is not waited for, in ms. */
const definitionMs = 50;
/** Edits of a file this far apart, in lines, are two places. */
const farLines = 32;

export class WorkspaceText implements vscode.Disposable {
  private readonly ring = new ContextRing();
  private readonly subscriptions: vscode.Disposable[];
  /** Documents whose imports were looked at, by version. */
  private readonly looked = new Map<string, number>();
  private lastEdit: { file: string; line: number } | undefined;

  constructor(private readonly log: (line: string) => void) {
    const { workspace, window } = vscode;
    this.subscriptions = [
      window.onDidChangeActiveTextEditor((editor) => editor && this.visit(editor)),
      // Nobody has looked at what VS Code writes by itself, such as its settings.
      workspace.onDidSaveTextDocument((document) => {
        const editor = window.visibleTextEditors.find((each) => each.document === document);
        if (editor) this.take(document, editor.selection.active.line);
      }),
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        const [change] = contentChanges;
        if (change) this.edited(document, change.range.start.line);
      }),
      // What was cut or copied is wanted elsewhere: VS Code tells of the selection only.
      window.onDidChangeTextEditorSelection(({ textEditor, selections, kind }) => {
        const [selection] = selections;
        if (!selection || selection.isEmpty || kind === vscode.TextEditorSelectionChangeKind.Command) return;
        const lines = selection.end.line - selection.start.line;
        if (lines >= 3) this.take(textEditor.document, selection.start.line + Math.floor(lines / 2));
      }),
    ];
    const { activeTextEditor, visibleTextEditors } = window;
    for (const editor of visibleTextEditors) if (editor !== activeTextEditor) this.visit(editor);
    if (activeTextEditor) this.visit(activeTextEditor);
  }

  /** Whether a pause would be of use to {@link settle}. */
  get hasNews(): boolean {
    return this.ring.hasNews;
  }

  /** Takes over what has come in: the model reads all that follows it again. */
  settle(): void {
    this.ring.settle();
  }

  /** None in a workspace that is not trusted. */
  filesFor(document: vscode.TextDocument): PromptFile[] {
    return vscode.workspace.isTrusted ? this.ring.filesFor(nameOf(document.uri)) : [];
  }

  /** Looks at what a document imports, unless it did. */
  async followImports(document: vscode.TextDocument): Promise<void> {
    const folder = vscode.workspace.getWorkspaceFolder(document.uri);
    const key = document.uri.toString();
    if (!folder || !vscode.workspace.isTrusted || this.looked.get(key) === document.version) return;
    this.looked.set(key, document.version);
    for (const paths of importedPaths(nameOf(document.uri), document.getText())) {
      for (const path of paths) {
        const text = await this.read(vscode.Uri.joinPath(folder.uri, path));
        if (text === undefined) continue;
        this.ring.add(path, signaturesOf(text));
        break;
      }
    }
  }

  /** Takes the definition of the word before a position, where a language server has it at hand. */
  async followDefinition(document: vscode.TextDocument, position: vscode.Position): Promise<void> {
    const word = document.getWordRangeAtPosition(position.translate(0, position.character > 0 ? -1 : 0));
    if (!word || !vscode.workspace.isTrusted) return;
    const asked = vscode.commands.executeCommand<(vscode.Location | vscode.LocationLink)[] | undefined>(
      "vscode.executeDefinitionProvider",
      document.uri,
      word.start,
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), definitionMs);
    });
    const found = await Promise.race([Promise.resolve(asked).catch(() => undefined), late]).finally(() =>
      clearTimeout(timer),
    );
    const [first] = found ?? [];
    if (!first) return;
    const [uri, range] = "targetUri" in first ? [first.targetUri, first.targetRange] : [first.uri, first.range];
    if (uri.toString() === document.uri.toString()) return;
    const text = await this.read(uri);
    if (text !== undefined) this.ring.add(nameOf(uri), text, range.start.line);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private visit({ document, selection }: vscode.TextEditor): void {
    this.take(document, selection.active.line);
    this.followImports(document).catch((error: unknown) => this.log(`imports: ${String(error)}`));
  }

  private edited(document: vscode.TextDocument, line: number): void {
    const file = document.uri.toString();
    const { lastEdit } = this;
    this.lastEdit = { file, line };
    if (!lastEdit || lastEdit.file !== file || Math.abs(lastEdit.line - line) <= farLines) return;
    this.take(document, lastEdit.line);
  }

  private take(document: vscode.TextDocument, line: number): void {
    if (!isText(document) || document.getText().length > longestFile) return;
    this.ring.add(nameOf(document.uri), document.getText(), line);
  }

  private async read(uri: vscode.Uri): Promise<string | undefined> {
    const open = vscode.workspace.textDocuments.find((each) => each.uri.toString() === uri.toString());
    if (open) return open.getText();
    try {
      if ((await vscode.workspace.fs.stat(uri)).size > longestFile) return undefined;
      return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
    } catch {
      // An import of something else: most paths that are tried do not exist.
      return undefined;
    }
  }
}

/** The path of a document in its workspace, with slashes. */
export function nameOf(uri: vscode.Uri): string {
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  return folder ? posix.relative(folder.uri.path, uri.path) : posix.basename(uri.path);
}

const isText = ({ uri }: vscode.TextDocument) =>
  ["file", "untitled", "vscode-vfs", "vscode-remote"].includes(uri.scheme);
