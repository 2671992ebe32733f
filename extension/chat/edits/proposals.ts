import * as vscode from "vscode";
import { type Hunk, Proposal } from "./proposal.js";

const scheme = "flint-proposal";

interface Pending {
  target: vscode.Uri;
  /** The right side of the diff editor. */
  view: vscode.Uri;
  proposal: Proposal;
}

/**
 * Changes to files that a person looks at in VS Code's diff editor: on the left the file itself, on the right what it
 * would become. Nothing is written before it is accepted.
 */
export class Proposals implements vscode.TextDocumentContentProvider, vscode.CodeLensProvider, vscode.Disposable {
  private readonly pending = new Map<string, Pending>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly lensesChanged = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.lensesChanged.event;
  private readonly subscriptions: vscode.Disposable[];

  constructor() {
    this.subscriptions = [
      this.changed,
      this.lensesChanged,
      vscode.workspace.registerTextDocumentContentProvider(scheme, this),
      vscode.languages.registerCodeLensProvider({ scheme }, this),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.follow(document)),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        for (const { input } of closed) {
          // A tab that moves to another group is closed where it was.
          if (input instanceof vscode.TabInputTextDiff && diffsOf(input.modified).length === 0) {
            this.pending.delete(input.modified.toString());
          }
        }
      }),
    ];
  }

  /** Shows what `document` would become. @param isWhole all of it is replaced, which the title says */
  async show(document: vscode.TextDocument, proposed: string, isWhole: boolean): Promise<void> {
    const target = document.uri;
    const view = target.with({ scheme, query: target.toString() });
    const proposal = new Proposal(document.getText(), proposed);
    this.pending.set(view.toString(), { target, view, proposal });
    this.changed.fire(view);
    this.lensesChanged.fire();
    const name = vscode.workspace.asRelativePath(target);
    const title = isWhole
      ? vscode.l10n.t("{0}: replace the whole file", name)
      : vscode.l10n.t("{0}: suggested changes", name);
    await vscode.commands.executeCommand("vscode.diff", target, view, title, { preview: false });
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.pending.get(uri.toString())?.proposal.proposed ?? "";
  }

  /** Shown where the person has turned lenses on in diff editors; the same is in the title. */
  provideCodeLenses({ uri }: vscode.TextDocument): vscode.CodeLens[] {
    const hunks = this.pending.get(uri.toString())?.proposal.hunks ?? [];
    return hunks.flatMap(({ line }) => {
      const range = new vscode.Range(line, 0, line, 0);
      return [
        new vscode.CodeLens(range, {
          title: vscode.l10n.t("Accept"),
          command: "flint.acceptChange",
          arguments: [uri, line],
        }),
        new vscode.CodeLens(range, {
          title: vscode.l10n.t("Reject"),
          command: "flint.rejectChange",
          arguments: [uri, line],
        }),
      ];
    });
  }

  /** Writes the change at the cursor, or at a line of the proposed text. */
  async accept(view?: unknown, line?: unknown): Promise<void> {
    const at = this.at(view, line);
    if (at) await this.write(at.pending, at.hunk);
  }

  async reject(view?: unknown, line?: unknown): Promise<void> {
    const at = this.at(view, line);
    if (!at) return;
    at.pending.proposal.reject(at.hunk);
    await this.update(at.pending);
  }

  /** Writes all changes, in one step that can be undone. */
  async acceptAll(view?: unknown): Promise<void> {
    const pending = this.find(view);
    if (pending) await this.write(pending);
  }

  async rejectAll(view?: unknown): Promise<void> {
    const pending = this.find(view);
    if (pending) await this.end(pending);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  /** @param only absent: all changes */
  private async write(pending: Pending, only?: Hunk): Promise<void> {
    const { target, proposal } = pending;
    const document = await vscode.workspace.openTextDocument(target);
    // Whether all is saved is told after the text: with the answer to this it is known.
    await vscode.workspace.applyEdit(new vscode.WorkspaceEdit());
    // What is not saved is the person's to save.
    const wasDirty = document.isDirty;
    // Where the file has changed this moment, the person has to look again.
    const hunks = only ? proposal.hunks.filter((hunk) => hunk === only) : proposal.hunks;
    if (hunks.length === 0 || !this.pending.has(pending.view.toString())) return;
    const edit = new vscode.WorkspaceEdit();
    for (const { start, end, text } of hunks) {
      edit.replace(target, new vscode.Range(document.positionAt(start), document.positionAt(end)), text);
    }
    // From the last one on, so that the places of the others stay right; known before the file says that it has changed.
    const before = proposal.base;
    for (const hunk of [...hunks].reverse()) proposal.accept(hunk);
    if (document.getText() !== before || !(await vscode.workspace.applyEdit(edit))) {
      proposal.base = before;
      await this.end(pending);
      void vscode.window.showErrorMessage(vscode.l10n.t("The file could not be changed: it may be read-only."));
      return;
    }
    if (!wasDirty && !document.isUntitled) await document.save();
    await this.update(pending);
  }

  /** The file has changed under the proposal: by the person, or by another program. */
  private follow(document: vscode.TextDocument): void {
    for (const pending of this.pending.values()) {
      if (pending.target.toString() !== document.uri.toString()) continue;
      const text = document.getText();
      if (text === pending.proposal.base) continue;
      if (pending.proposal.rebase(text)) {
        void this.update(pending);
      } else {
        void this.end(pending);
        const name = vscode.workspace.asRelativePath(pending.target);
        void vscode.window.showWarningMessage(
          vscode.l10n.t("{0} has changed in the same lines as the suggestion. Apply the code again.", name),
        );
      }
    }
  }

  private async update(pending: Pending): Promise<void> {
    if (pending.proposal.hunks.length === 0) {
      await this.end(pending);
      return;
    }
    this.changed.fire(pending.view);
    this.lensesChanged.fire();
  }

  /** Closes the diff editor, and nothing else. */
  private async end(pending: Pending): Promise<void> {
    this.pending.delete(pending.view.toString());
    await vscode.window.tabGroups.close(diffsOf(pending.view), true);
  }

  private at(view: unknown, line: unknown): { pending: Pending; hunk: Hunk } | undefined {
    const pending = this.find(view);
    if (!pending) return undefined;
    const editor = vscode.window.activeTextEditor;
    const isBase = editor?.document.uri.toString() === pending.target.toString();
    const hunk =
      typeof line === "number"
        ? pending.proposal.hunkAt(line, "proposed")
        : pending.proposal.hunkAt(editor?.selection.active.line ?? 0, isBase ? "base" : "proposed");
    return hunk && { pending, hunk };
  }

  /** The one that is named, or is on show in the active tab. */
  private find(view: unknown): Pending | undefined {
    const named = view instanceof vscode.Uri ? this.pending.get(view.toString()) : undefined;
    const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
    return (
      named ?? (input instanceof vscode.TabInputTextDiff ? this.pending.get(input.modified.toString()) : undefined)
    );
  }
}

/** The tabs that compare a file with what it would become. */
function diffsOf(view: vscode.Uri): vscode.Tab[] {
  const isDiff = ({ input }: vscode.Tab) =>
    input instanceof vscode.TabInputTextDiff && input.modified.toString() === view.toString();
  return vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).filter(isDiff);
}
