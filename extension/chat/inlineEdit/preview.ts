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
  private tabsListener: vscode.Disposable | undefined;
  /** Settles when nothing shows it any more, whoever has closed it. */
  readonly closed: Promise<void>;

  private constructor(document: vscode.TextDocument) {
    // The path keeps its ending, by which the language is known.
    this.uri = vscode.Uri.from({ scheme, path: document.uri.path, query: randomUUID() });
    this.text = document.getText();
    this.closed = new Promise((resolve) => {
      this.tabsListener = vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        // A tab that moves to another group is closed where it was.
        if (closed.some((tab) => this.isIn(tab)) && this.tabs().length === 0) resolve();
      });
    });
  }

  static async open(document: vscode.TextDocument): Promise<EditPreview> {
    const preview = new EditPreview(document);
    const title = vscode.l10n.t("{0} (edit by Flint)", posix.basename(document.uri.path));
    await vscode.commands.executeCommand("vscode.diff", document.uri, preview.uri, title, { preview: false });
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
    await vscode.window.tabGroups.close(this.tabs());
    this.dispose();
  }

  private tabs(): vscode.Tab[] {
    return vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).filter((tab) => this.isIn(tab));
  }

  private isIn({ input }: vscode.Tab): boolean {
    return input instanceof vscode.TabInputTextDiff && input.modified.toString() === this.uri.toString();
  }

  dispose(): void {
    this.tabsListener?.dispose();
    this.registration.dispose();
    this.didChange.dispose();
  }
}
