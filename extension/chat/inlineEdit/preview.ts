import { randomUUID } from "node:crypto";
import { posix } from "node:path";
import * as vscode from "vscode";

/** Of documents that show a file as it would be. */
const scheme = "flint-edit";

/** A diff between a document and what it would be, which may still grow. */
export class EditPreview implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly didChange = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.didChange.event;
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(scheme, this);
  private readonly uri: vscode.Uri;
  private text: string;

  private constructor(document: vscode.TextDocument) {
    // The path keeps its ending, by which the language is known.
    this.uri = vscode.Uri.from({ scheme, path: document.uri.path, query: randomUUID() });
    this.text = document.getText();
  }

  static async open(document: vscode.TextDocument): Promise<EditPreview> {
    const preview = new EditPreview(document);
    const title = vscode.l10n.t("{0} (edit by Flint)", posix.basename(document.uri.path));
    await vscode.commands.executeCommand("vscode.diff", document.uri, preview.uri, title, { preview: true });
    return preview;
  }

  provideTextDocumentContent(): string {
    return this.text;
  }

  show(text: string): void {
    if (text === this.text) return;
    this.text = text;
    this.didChange.fire(this.uri);
  }

  async close(): Promise<void> {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const own = tabs.filter(
      ({ input }) => input instanceof vscode.TabInputTextDiff && input.modified.toString() === this.uri.toString(),
    );
    await vscode.window.tabGroups.close(own);
    this.dispose();
  }

  dispose(): void {
    this.registration.dispose();
    this.didChange.dispose();
  }
}
