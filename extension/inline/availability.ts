/** Where and when there are suggestions: languages, snooze, kinds of editors. */
import * as vscode from "vscode";
import { readInlineLanguages } from "../config/read.js";

/** Why there are none. */
export type Off = { kind: "language"; language: string } | { kind: "snoozed"; until: Date } | { kind: "editor" };

export class Availability implements vscode.Disposable {
  private until: Date | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly didChange = new vscode.EventEmitter<void>();
  readonly onDidChange = this.didChange.event;
  private readonly subscription = vscode.workspace.onDidChangeConfiguration((change) => {
    if (change.affectsConfiguration("flint.inline")) this.didChange.fire();
  });

  /** Why a document has no suggestions now; undefined where it has. */
  off(document: vscode.TextDocument): Off | undefined {
    const languages = readInlineLanguages();
    const language = document.languageId;
    if (!(languages[language] ?? languages["*"] ?? true)) return { kind: "language", language };
    if (this.until) return { kind: "snoozed", until: this.until };
    return isOnlyShown(document) ? { kind: "editor" } : undefined;
  }

  get snoozedUntil(): Date | undefined {
    return this.until;
  }

  /** No suggestions for so many minutes; 0 ends that. */
  snooze(minutes: number): void {
    clearTimeout(this.timer);
    this.until = minutes > 0 ? new Date(Date.now() + minutes * 60_000) : undefined;
    if (minutes > 0) this.timer = setTimeout(() => this.snooze(0), minutes * 60_000);
    this.didChange.fire();
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscription.dispose();
    this.didChange.dispose();
  }
}

/** In a comparison nobody writes, and the input of source control has a language of its own. */
function isOnlyShown({ uri, languageId }: vscode.TextDocument): boolean {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const compared = input instanceof vscode.TabInputTextDiff || input instanceof vscode.TabInputNotebookDiff;
  return compared || languageId === "scminput" || uri.scheme === "vscode-scm";
}

/** Asks for how long. */
export async function askSnooze(availability: Availability): Promise<void> {
  const minutes = (label: string, count: number) => ({ label, count });
  const items = [
    ...(availability.snoozedUntil ? [minutes(vscode.l10n.t("Resume now"), 0)] : []),
    minutes(vscode.l10n.t("5 minutes"), 5),
    minutes(vscode.l10n.t("15 minutes"), 15),
    minutes(vscode.l10n.t("1 hour"), 60),
    minutes(vscode.l10n.t("8 hours"), 480),
  ];
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Snooze inline suggestions") });
  if (picked) availability.snooze(picked.count);
}
