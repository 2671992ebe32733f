/** Inline suggestions, put together. */
import * as vscode from "vscode";
import { CancellationTokenSource } from "vscode-jsonrpc";
import type { Backend } from "../backends/backend.js";
import { Acceptance } from "./acceptance.js";
import { ActivityItem } from "./activity.js";
import { Availability, askSnooze } from "./availability.js";
import { NextEdits } from "./edits/nextEdits.js";
import { placeAt } from "./place.js";
import { WorkspaceText } from "./prompt/workspaceText.js";
import { acceptedCommand, InlineProvider } from "./provider.js";
import { Suggester } from "./requests/suggester.js";
import { Statistics } from "./statistics.js";
import { Grammars } from "./syntax/grammars.js";

/** A pause after which the model reads ahead, and one after which other files' text may change, in ms. */
const pauseMs = 1000;
const longPauseMs = 3000;
/** After another editor is shown: all has to be read again anyway. */
const shownMs = 200;

export class InlineSuggestions implements vscode.Disposable {
  private readonly availability = new Availability();
  private readonly activity = new ActivityItem();
  private readonly statistics: Statistics;
  private readonly acceptance = new Acceptance();
  private readonly workspaceText: WorkspaceText;
  private readonly suggester: Suggester;
  private readonly provider: InlineProvider;
  private readonly subscriptions: vscode.Disposable[];
  private readonly timers = new Set<NodeJS.Timeout>();
  /** What reads ahead. */
  private preparing: CancellationTokenSource | undefined;
  private line: number | undefined;

  /** @param grammars folder of tree-sitter's grammars */
  constructor(backend: Backend, state: vscode.Memento, grammars: string, log: (line: string) => void) {
    this.statistics = new Statistics(state);
    this.workspaceText = new WorkspaceText(log);
    this.suggester = new Suggester({ backend, log, onActivity: (activity) => this.activity.show(activity) });
    this.provider = new InlineProvider({
      backend,
      suggester: this.suggester,
      availability: this.availability,
      workspaceText: this.workspaceText,
      activity: this.activity,
      grammars: new Grammars(grammars, log),
      onShown: (offered) => {
        if (this.acceptance.offer(offered)) this.statistics.shown();
      },
    });
    const schemes = ["file", "untitled", "vscode-notebook-cell", "vscode-vfs", "vscode-remote"];
    this.subscriptions = [
      this.availability,
      this.activity,
      this.workspaceText,
      this.provider,
      new NextEdits((document) => this.availability.off(document) !== undefined),
      vscode.languages.registerInlineCompletionItemProvider(
        schemes.map((scheme) => ({ scheme })),
        this.provider,
      ),
      vscode.commands.registerCommand(acceptedCommand, (characters: number) =>
        this.statistics.accepted(this.acceptance.all(characters)),
      ),
      this.availability.onDidChange(() => this.showAvailability()),
      vscode.window.onDidChangeActiveTextEditor(() => {
        this.suggester.stop();
        this.showAvailability();
        this.plan(shownMs, true);
      }),
      vscode.workspace.onDidChangeTextDocument((change) => this.changed(change)),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) =>
        this.moved(textEditor, selections[0]),
      ),
    ];
    this.plan(shownMs, true);
  }

  /** Lets the person choose for how long there are none. */
  snooze(): Promise<void> {
    return askSnooze(this.availability);
  }

  showStatistics(): Promise<void> {
    return this.statistics.show();
  }

  /** The model is there: what is open can be read. */
  modelLoaded(): void {
    this.plan(shownMs, true);
  }

  dispose(): void {
    this.cancelPlans();
    this.suggester.stop();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private changed({ document, contentChanges, reason }: vscode.TextDocumentChangeEvent): void {
    const [change] = contentChanges;
    if (!change || vscode.window.activeTextEditor?.document !== document) return;
    // What is written again after it was undone was accepted before.
    if (contentChanges.length === 1 && reason === undefined) {
      const { rangeOffset: offset, rangeLength: length, text } = change;
      const taken = this.acceptance.changed({ file: document.uri.toString(), offset, length, text });
      if (taken) this.statistics.accepted(taken);
    }
    // The selection follows the text, so that is not known yet.
    const position = document.positionAt(change.rangeOffset + change.text.length);
    this.suggester.typed(contentChanges.length === 1 ? placeAt(document, position) : undefined);
    this.plan(pauseMs, false);
  }

  private moved({ document }: vscode.TextEditor, selection: vscode.Selection | undefined): void {
    if (!selection || vscode.window.activeTextEditor?.document !== document) return;
    if (selection.active.line === this.line) return;
    this.line = selection.active.line;
    void this.workspaceText.followDefinition(document, selection.active);
    this.plan(pauseMs, false);
  }

  /** Reads ahead after a pause, unless something happens before. */
  private plan(ms: number, all: boolean): void {
    this.cancelPlans();
    this.later(ms, all);
    if (!all) this.later(longPauseMs, true);
  }

  private later(ms: number, all: boolean): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.readAhead(all);
    }, ms);
    this.timers.add(timer);
  }

  private cancelPlans(): void {
    this.preparing?.cancel();
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  /** @param all other files' text too, if there is new one */
  private async readAhead(all: boolean): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) return;
    const { document, selection } = editor;
    const preparing = new CancellationTokenSource();
    this.preparing = preparing;
    const { token } = preparing;
    if (all) {
      await this.workspaceText.followImports(document);
      if (token.isCancellationRequested) return;
      this.workspaceText.settle();
    }
    const place = this.provider.placeOf(document, selection.active, false);
    if (place) await this.suggester.prepare(place, token);
    preparing.dispose();
  }

  private showAvailability(): void {
    const document = vscode.window.activeTextEditor?.document;
    this.activity.show((document && this.availability.off(document)) ?? "ready");
  }
}
