/** Shows which line is likely to be changed next, with Tab to go there and take it over, and Escape to dismiss it. */
import * as vscode from "vscode";
import { type NextEdit, nextEdit } from "./predict.js";

/** A pause after a change, in ms. */
const pauseMs = 300;
/** After a large change nobody wants to be told the next one, in ms; and what is large, in characters and lines. */
const silenceMs = 1500;
const [largeCharacters, largeLines] = [200, 8];
/** Longer files are left alone, in lines. */
const longestFile = 20_000;
const contextKey = "flint.nextEditShown";

interface Shown {
  editor: vscode.TextEditor;
  edit: NextEdit;
}

export class NextEdits implements vscode.Disposable {
  private readonly removed = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor("diffEditor.removedTextBackground"),
    textDecoration: "line-through",
  });
  private readonly added = vscode.window.createTextEditorDecorationType({
    after: {
      backgroundColor: new vscode.ThemeColor("diffEditor.insertedTextBackground"),
      color: new vscode.ThemeColor("editorGhostText.foreground"),
      margin: "0 0 0 2em",
    },
  });
  private readonly subscriptions: vscode.Disposable[];
  private shown: Shown | undefined;
  private timer: NodeJS.Timeout | undefined;
  private silentUntil = 0;
  /** The line that is being changed, as it was before. */
  private changing: { document: vscode.TextDocument; line: number; original: string } | undefined;
  /** A change that was taken over goes on to the next place. */
  private repeating: { line: number; original: string } | undefined;
  private lines: { document: vscode.TextDocument; texts: string[] } | undefined;

  /** @param isOff whether a document has no suggestions now */
  constructor(private readonly isOff: (document: vscode.TextDocument) => boolean) {
    const { workspace, window, commands } = vscode;
    this.subscriptions = [
      this.removed,
      this.added,
      workspace.onDidChangeTextDocument((change) => this.changed(change)),
      window.onDidChangeActiveTextEditor((editor) => {
        this.dismiss();
        this.remember(editor?.document);
      }),
      window.onDidChangeTextEditorSelection(({ textEditor, selections }) => this.moved(textEditor, selections)),
      commands.registerCommand("flint.acceptNextEdit", () => this.accept()),
      commands.registerCommand("flint.dismissNextEdit", () => this.dismiss()),
    ];
    this.remember(window.activeTextEditor?.document);
  }

  dispose(): void {
    this.dismiss();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  /** What a line was is known only from before. */
  private remember(document: vscode.TextDocument | undefined): void {
    this.changing = undefined;
    this.repeating = undefined;
    const fits = document !== undefined && document.lineCount <= longestFile;
    this.lines = fits ? { document, texts: linesOf(document) } : undefined;
  }

  private changed({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (contentChanges.length === 0 || document !== vscode.window.activeTextEditor?.document) return;
    if (this.lines?.document !== document) this.remember(document);
    if (!this.lines) return;
    this.hide();
    const before = this.lines.texts;
    this.lines = { document, texts: linesOf(document) };
    const [change] = contentChanges;
    const { start, end } = change?.range ?? {};
    const within = contentChanges.length === 1 && start && start.line === end?.line && !change?.text.includes("\n");
    if (!within) {
      this.changing = undefined;
      const size = contentChanges.reduce((sum, { text, rangeLength }) => sum + Math.max(text.length, rangeLength), 0);
      const many = contentChanges.some(({ text }) => text.split("\n").length > largeLines);
      if (size > largeCharacters || many) this.silentUntil = Date.now() + silenceMs;
      return;
    }
    if (this.changing?.line !== start.line || this.changing.document !== document) {
      this.changing = { document, line: start.line, original: before[start.line] ?? "" };
      this.repeating = undefined;
    }
    this.later();
  }

  private moved(editor: vscode.TextEditor, selections: readonly vscode.Selection[]): void {
    const [selection] = selections;
    if (!selection || editor.document !== this.lines?.document) return;
    // A selection is for something else.
    if (!selection.isEmpty) this.hide();
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.predict(), pauseMs);
  }

  private predict(): void {
    const editor = vscode.window.activeTextEditor;
    const { changing, repeating, lines } = this;
    if (!editor || !changing || !lines || lines.document !== editor.document || !vscode.window.state.focused) return;
    if (Date.now() < this.silentUntil || this.isOff(editor.document)) return;
    const edit = nextEdit(lines.texts, changing.line, changing.original, repeating !== undefined);
    if (edit) this.show({ editor, edit });
  }

  private show(shown: Shown): void {
    const { editor, edit } = shown;
    this.shown = shown;
    const { range, text } = difference(edit);
    editor.setDecorations(this.removed, range.isEmpty ? [] : [range]);
    const end = editor.document.lineAt(edit.line).range.end;
    const contentText = `${text.trim() === "" ? edit.after.trim() : text.trim()}   ${vscode.l10n.t("Tab to change")}`;
    editor.setDecorations(this.added, [
      { range: new vscode.Range(end, end), renderOptions: { after: { contentText } } },
    ]);
    void vscode.commands.executeCommand("setContext", contextKey, true);
  }

  private hide(): void {
    clearTimeout(this.timer);
    if (!this.shown) return;
    const { editor } = this.shown;
    this.shown = undefined;
    editor.setDecorations(this.removed, []);
    editor.setDecorations(this.added, []);
    void vscode.commands.executeCommand("setContext", contextKey, false);
  }

  private dismiss(): void {
    this.hide();
    this.changing = undefined;
    this.repeating = undefined;
  }

  /** Goes to the line; on it, changes it and looks for the next one. */
  private async accept(): Promise<void> {
    const { shown, changing } = this;
    if (!shown) return;
    const { editor, edit } = shown;
    const { document } = editor;
    if (edit.line >= document.lineCount || document.lineAt(edit.line).text !== edit.before) return this.dismiss();
    if (editor.selection.active.line !== edit.line) {
      const position = difference(edit).range.start;
      editor.selection = new vscode.Selection(position, position);
      editor.revealRange(new vscode.Range(position, position), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
      return;
    }
    this.hide();
    // The change itself is not one that a person began.
    const kept = changing;
    await editor.edit((builder) => builder.replace(document.lineAt(edit.line).range, edit.after));
    const end = document.lineAt(edit.line).range.end;
    editor.selection = new vscode.Selection(end, end);
    this.changing = kept;
    this.repeating = kept && { line: kept.line, original: kept.original };
    this.predict();
  }
}

const linesOf = (document: vscode.TextDocument) => document.getText().split(/\r?\n/);

/** The part of the line that goes, and what comes in its place. */
function difference({ line, before, after }: NextEdit): { range: vscode.Range; text: string } {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end++;
  const range = new vscode.Range(line, start, line, before.length - end);
  return { range, text: after.slice(start, after.length - end) };
}
