import * as vscode from "vscode";
import type { Backend } from "../backends/backend.js";
import type { Offered } from "./acceptance.js";
import type { ActivityItem } from "./activity.js";
import type { Availability } from "./availability.js";
import { KeptOnBlanks } from "./keptOnBlanks.js";
import { type EditorPlace, placeAt } from "./place.js";
import { nameOf, type WorkspaceText } from "./prompt/workspaceText.js";
import type { Place, Suggester } from "./requests/suggester.js";
import type { Grammars } from "./syntax/grammars.js";

/** Beside the first suggestion where a person asks for them. */
const others = 2;

export interface ProviderOptions {
  backend: Backend;
  suggester: Suggester;
  availability: Availability;
  workspaceText: WorkspaceText;
  activity: ActivityItem;
  grammars: Grammars;
  onShown(offered: Offered): void;
}

/** Called when a suggestion was accepted, with its length in characters. */
export const acceptedCommand = "flint.inlineAccepted";

/**
 * Suggests how the text at the cursor goes on. Silent while no model is loaded, or the only one is busy with an answer.
 */
export class InlineProvider implements vscode.InlineCompletionItemProvider, vscode.Disposable {
  private readonly kept = new KeptOnBlanks();
  /** Ends the request for what is shown later, once VS Code was told that there is nothing. */
  private later: vscode.CancellationTokenSource | undefined;
  /** Where VS Code is made to ask again: that is no request of a person. */
  private again: { document: vscode.TextDocument; position: vscode.Position } | undefined;

  constructor(private readonly options: ProviderOptions) {}

  dispose(): void {
    this.later?.cancel();
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    { triggerKind, selectedCompletionInfo }: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    const { suggester, onShown } = this.options;
    this.later?.cancel();
    const { again } = this;
    this.again = undefined;
    const isAgain = again?.document === document && again.position.isEqual(position);
    const explicit = triggerKind === vscode.InlineCompletionTriggerKind.Invoke && !isAgain;
    const place = this.placeOf(document, position, explicit, selectedCompletionInfo);
    if (!place || token.isCancellationRequested) return [];
    const spot = { file: place.file, lineBefore: place.cursor.lineBefore, line: position.line };
    if (!explicit && this.kept.isStale(spot) && suggester.known(place) === undefined) {
      this.kept.shown(spot, []);
      void this.suggestLater(document, position, place);
      return [];
    }
    const first = await suggester.suggest(place, token);
    if (token.isCancellationRequested) return [];
    const more = explicit ? await suggester.more(place, others, token) : [];
    const texts = [...new Set(first === undefined ? more : [first, ...more])];
    this.kept.shown(spot, texts);
    if (texts.length > 0) onShown({ file: place.file, offset: document.offsetAt(position), texts });
    // What the suggest widget would insert comes first. Otherwise the line's beginning does: a bracket that closes a block is typed
    // by replacing that, and VS Code takes down a suggestion for a place that an edit touches.
    const range = selectedCompletionInfo?.range ?? new vscode.Range(position.with({ character: 0 }), position);
    const start = selectedCompletionInfo?.text ?? document.getText(range);
    return texts.map((text) => {
      const accepted = { command: acceptedCommand, title: "", arguments: [text.length] };
      return new vscode.InlineCompletionItem(start + text, range, accepted);
    });
  }

  /** Asks, and lets VS Code ask for what came of it if the cursor is still there. */
  private async suggestLater(document: vscode.TextDocument, position: vscode.Position, place: Place): Promise<void> {
    const source = new vscode.CancellationTokenSource();
    this.later = source;
    try {
      const text = await this.options.suggester.suggest(place, source.token);
      const editor = vscode.window.activeTextEditor;
      const isThere = editor?.document === document && editor.selection.active.isEqual(position);
      if (text === undefined || source.token.isCancellationRequested || !isThere) return;
      this.again = { document, position };
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    } finally {
      source.dispose();
    }
  }

  /** What to ask for; undefined where nothing is to be asked. The status tells why. */
  placeOf(
    document: vscode.TextDocument,
    position: vscode.Position,
    explicit: boolean,
    selected?: vscode.SelectedCompletionInfo,
  ): Place | undefined {
    const { backend, availability, activity, workspaceText, grammars } = this.options;
    const off = availability.off(document);
    if (off) {
      activity.show(off);
      return undefined;
    }
    backend.warmUp();
    if (!backend.canComplete) {
      if (!backend.capabilities) activity.show("noModel");
      return undefined;
    }
    const found = placeAt(document, position, selected);
    if (!found) return undefined;
    if (!backend.capabilities?.infill && !endsFile(found)) {
      activity.show("noInfill");
      return undefined;
    }
    const { text, offset, ...place } = found;
    const errorsWith = grammars.errorsIn(document.languageId, text, offset);
    return { ...place, errorsWith, path: nameOf(document.uri), files: workspaceText.filesFor(document), explicit };
  }
}

/** Whether nothing follows that a model would have to know. */
const endsFile = ({ cursor }: EditorPlace) => cursor.suffix.trim() === "";
