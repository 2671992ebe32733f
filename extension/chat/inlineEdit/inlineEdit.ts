import { posix } from "node:path";
import * as vscode from "vscode";
import type { Backend } from "../../backends/backend.js";
import { integer } from "../../numbers.js";
import { pathInWorkspace } from "../context/sources/workspace.js";
import { type EditedCode, editPrompt } from "./editPrompt.js";
import { placeOf } from "./place.js";
import { EditPreview } from "./preview.js";
import { replacementOf } from "./replacement.js";

/** Lines around the selection that the model sees. */
const linesBefore = 30;
const linesAfter = 15;
/** An answer has so many times the tokens of what it replaces, and these besides; a small model might go on for ever. */
const answerShare = 2;
const answerTokens = 512;
/** The first try, and those after it, which are to be different. */
const temperature = { first: 0.2, again: 0.8 };

/** One change of some lines, from the instruction until it is accepted or rejected. */
interface Edit {
  document: vscode.TextDocument;
  /** Where the lines began, and what they were. */
  offset: number;
  selected: string;
  code: EditedCode;
  instruction: string;
  preview: EditPreview;
  /** What the model has made of them; absent until there is code. */
  replacement?: string | undefined;
  /** The answer broke off, as at its limit: what comes last may be missing. */
  isCut?: boolean;
  generating?: vscode.CancellationTokenSource | undefined;
}

/** Changes selected lines by an instruction; the change is shown as a diff, and made when the person accepts it. */
export class InlineEdits implements vscode.Disposable {
  private edit: Edit | undefined;
  private lastInstruction = "";

  constructor(private readonly backend: Pick<Backend, "chat" | "countTokens" | "countPromptTokens" | "limits">) {}

  /**
   * Asks what to change in the lines of the selection, and has it changed.
   * @param given the instruction, where a key binding has it: nothing is asked then
   * @throws what the backend throws
   */
  async start(given?: string): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) return;
    const { document } = editor;
    const range = wholeLines(document, editor.selection);
    const selected = document.getText(range);
    if (selected.trim() === "") {
      void vscode.window.showInformationMessage(vscode.l10n.t("Select the code to change first."));
      return;
    }
    const name = posix.basename(document.uri.path);
    const instruction = given ?? (await this.ask(name, range));
    if (!instruction?.trim()) return;
    await this.reject();
    const code: EditedCode = {
      name,
      path: pathInWorkspace(document.uri),
      language: document.languageId,
      before: document.getText(new vscode.Range(Math.max(0, range.start.line - linesBefore), 0, range.start.line, 0)),
      selected,
      after: document.getText(new vscode.Range(range.end, new vscode.Position(lastLine(range) + 1 + linesAfter, 0))),
    };
    const offset = document.offsetAt(range.start);
    const preview = await EditPreview.open(document);
    const edit: Edit = { document, offset, selected, code, instruction, preview };
    this.edit = edit;
    // Where nothing shows it, nobody could stop it.
    void preview.closed.then(() => (this.edit === edit ? this.end() : undefined));
    await this.generate(edit, temperature.first);
  }

  private async ask(name: string, range: vscode.Range): Promise<string | undefined> {
    const instruction = await vscode.window.showInputBox({
      title: vscode.l10n.t("Edit {0}, lines {1} to {2}", name, range.start.line + 1, lastLine(range) + 1),
      placeHolder: vscode.l10n.t("What should change?"),
      value: this.lastInstruction,
      valueSelection: [0, this.lastInstruction.length],
    });
    if (instruction?.trim()) this.lastInstruction = instruction;
    return instruction;
  }

  /** Has another change made of the same instruction. @throws what the backend throws */
  async retry(): Promise<void> {
    if (this.edit) await this.generate(this.edit, temperature.again);
  }

  /**
   * Makes the change in the document, as one step to undo. Of one that is cut it asks first.
   * @throws what the backend throws, where the person would rather have it tried again
   */
  async accept(): Promise<void> {
    const { edit } = this;
    if (!edit || edit.replacement === undefined || edit.generating) return;
    if (edit.isCut) {
      const accept = vscode.l10n.t("Accept");
      const again = vscode.l10n.t("Try again");
      const choice = await vscode.window.showWarningMessage(cutText(edit), { modal: true }, accept, again);
      // Meanwhile the edit may have ended.
      if (this.edit !== edit || edit.generating) return;
      if (choice === again) return this.retry();
      if (choice !== accept) return;
    }
    const { document, selected, replacement } = edit;
    const place = placeOf(selected, edit.offset, document.getText());
    if (place === undefined) {
      void vscode.window.showWarningMessage(
        vscode.l10n.t("The selected code was changed meanwhile. Reject this edit, and ask again."),
      );
      return;
    }
    const change = new vscode.WorkspaceEdit();
    const range = new vscode.Range(document.positionAt(place), document.positionAt(place + selected.length));
    change.replace(document.uri, range, replacement);
    if (!(await vscode.workspace.applyEdit(change))) {
      void vscode.window.showErrorMessage(vscode.l10n.t("The file could not be changed: it may be read-only."));
      return;
    }
    await this.end();
    const editor = await vscode.window.showTextDocument(document);
    editor.revealRange(
      new vscode.Range(range.start, range.start),
      vscode.TextEditorRevealType.InCenterIfOutsideViewport,
    );
  }

  /** Leaves the document as it is. */
  async reject(): Promise<void> {
    await this.end();
  }

  /** Ends the generation under way; the change so far stays on show. */
  stop(): void {
    this.edit?.generating?.cancel();
  }

  dispose(): void {
    this.stop();
    this.edit?.preview.dispose();
  }

  private async end(): Promise<void> {
    const { edit } = this;
    this.edit = undefined;
    if (edit?.generating) {
      edit.generating.cancel();
      edit.generating = undefined;
      void setGenerating(false);
    }
    await edit?.preview.close();
  }

  private async generate(edit: Edit, heat: number): Promise<void> {
    edit.generating?.cancel();
    const cancellation = new vscode.CancellationTokenSource();
    const { token } = cancellation;
    edit.generating = cancellation;
    edit.replacement = undefined;
    edit.isCut = false;
    await setGenerating(true);
    try {
      const messages = editPrompt(edit.code, edit.instruction);
      const maximumTokens = await this.answerLimit(edit, messages, token);
      let answer = "";
      const show = () => {
        const replacement = replacementOf(answer, edit.selected);
        if (replacement === undefined || this.edit !== edit || edit.generating !== cancellation) return;
        edit.replacement = replacement;
        const text = edit.document.getText();
        const place = placeOf(edit.selected, edit.offset, text) ?? edit.offset;
        edit.preview.show(text.slice(0, place) + replacement + text.slice(place + edit.selected.length));
      };
      const onText = (text: string) => {
        answer += text;
        show();
      };
      const request = { messages, temperature: heat, maximumTokens, thinking: false };
      const result = await this.backend.chat(request, { onText }, token);
      answer = result.text || answer;
      show();
      const isCut = result.finishReason !== "stop" && result.finishReason !== "cancelled";
      if (isCut && this.edit === edit && edit.generating === cancellation) {
        edit.isCut = true;
        void this.tellCut(edit);
      }
    } catch (error) {
      if (!token.isCancellationRequested) {
        if (this.edit === edit) await this.end();
        throw error;
      }
    } finally {
      if (edit.generating === cancellation) {
        edit.generating = undefined;
        await setGenerating(false);
      }
      cancellation.dispose();
    }
  }

  /** Says that there should be more, as the diff looks as complete as any other. */
  private async tellCut(edit: Edit): Promise<void> {
    const again = vscode.l10n.t("Try again");
    const choice = await vscode.window.showWarningMessage(cutText(edit), again);
    // The command tells what goes wrong.
    if (choice === again && this.edit === edit) await vscode.commands.executeCommand("flint.retryEdit");
  }

  /**
   * How many tokens an answer may have: the code is read once and written once.
   * @throws Error with the numbers where the context is too small for that
   */
  private async answerLimit(
    edit: Edit,
    messages: ReturnType<typeof editPrompt>,
    token: vscode.CancellationToken,
  ): Promise<number> {
    const [{ contextTokens }, { tokens: prompt }, selected] = await Promise.all([
      this.backend.limits(token),
      this.backend.countPromptTokens(messages, token),
      this.backend.countTokens(edit.selected, token),
    ]);
    if (prompt + selected <= contextTokens) return answerShare * selected + answerTokens;
    throw new Error(
      vscode.l10n.t(
        "To change this the model needs {0} tokens, and its context has {1}. Select less code, or use a larger context.",
        integer(prompt + selected),
        integer(contextTokens),
      ),
    );
  }
}

const setGenerating = (value: boolean) => vscode.commands.executeCommand("setContext", "flint.editGenerating", value);

const cutText = ({ code: { name } }: Edit) =>
  vscode.l10n.t("The edit of {0} is not complete: the model's answer was cut off before its end.", name);

/** The lines that a selection touches, the end of the last one included where there is one. */
function wholeLines(document: vscode.TextDocument, { start, end }: vscode.Selection): vscode.Range {
  const last = end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
  return document.validateRange(new vscode.Range(start.line, 0, last + 1, 0));
}

const lastLine = ({ start, end }: vscode.Range) =>
  end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
