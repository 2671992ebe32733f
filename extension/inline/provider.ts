import { setTimeout as sleep } from "node:timers/promises";
import * as vscode from "vscode";
import { CancellationTokenSource } from "vscode-jsonrpc";
import type { Engine } from "../engine/engine.js";
import { inlineContext, suggestion } from "./context.js";

/** A pause in typing this long, in ms, is one in which a suggestion may be wanted. */
const debounceMs = 150;
/** A suggestion that takes longer than this, in ms, is cut: what there is by then is shown. */
const deadlineMs = 5000;
const maximumTokens = 64;

/**
 * Suggests how the text at the cursor goes on. Silent while no model is loaded, or the only one is busy with an answer.
 */
export class InlineProvider implements vscode.InlineCompletionItemProvider {
  constructor(
    private readonly engine: Engine,
    private readonly log: (line: string) => void,
  ) {}

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    { triggerKind }: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    this.engine.warmUp();
    if (!this.engine.suggests) return [];
    if (triggerKind === vscode.InlineCompletionTriggerKind.Automatic) await sleep(debounceMs);
    if (token.isCancellationRequested) return [];
    const context = inlineContext(document.getText(), document.offsetAt(position));
    if (!context) return [];
    const text = await this.complete(context.prefix, context.suffix, token);
    const insert = text === undefined || token.isCancellationRequested ? undefined : suggestion(text, context);
    return insert === undefined ? [] : [new vscode.InlineCompletionItem(insert, new vscode.Range(position, position))];
  }

  private async complete(prefix: string, suffix: string, token: vscode.CancellationToken): Promise<string | undefined> {
    const cancellation = new CancellationTokenSource();
    const subscription = token.onCancellationRequested(() => cancellation.cancel());
    const deadline = setTimeout(() => cancellation.cancel(), deadlineMs);
    try {
      // A model without the tokens for it can't make sense of what follows the cursor.
      const { loaded } = this.engine;
      const infill = (loaded?.inline ?? loaded)?.infill === true;
      const params = { prefix, maximumTokens, ...(infill && { suffix }) };
      return (await this.engine.complete(params, cancellation.token))?.text;
    } catch (error) {
      // Nobody asked for a suggestion, so nobody is told; a crash shows in the status bar.
      this.log(`inline: ${String(error)}`);
      return undefined;
    } finally {
      clearTimeout(deadline);
      subscription.dispose();
      cancellation.dispose();
    }
  }
}
