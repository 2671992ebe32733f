/** Edits of a selection in a real VS Code, with a model that says what the test wants. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, it } from "mocha";
import * as vscode from "vscode";
import type { ChatRequest } from "../../../extension/backends/backend.js";
import { InlineEdits } from "../../../extension/chat/inlineEdit/inlineEdit.js";
import { generationResult, withResolvers } from "../../../extension/fixtures.js";
import { activateFlint } from "./flint.js";

const source = "const a = 1;\nconst b = 2;\n";
const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
const isPreview = ({ input }: vscode.Tab) =>
  input instanceof vscode.TabInputTextDiff && input.modified.scheme === "flint-edit";
const previews = () => tabs().filter(isPreview);

/** A model that goes on until it is stopped, or ends at once as `finishReason` says. */
class Model {
  readonly asked: ChatRequest[] = [];
  readonly answering = withResolvers<void>();
  finishReason: "length" | "stop" | undefined;

  readonly backend: ConstructorParameters<typeof InlineEdits>[0] = {
    limits: async () => ({ contextTokens: 4096 }),
    countTokens: async () => 10,
    countPromptTokens: async () => ({ tokens: 100, omittedMessages: [] }),
    chat: async (request, { onText }, token) => {
      this.asked.push(request);
      const text = "```ts\nconst a = 3;\n";
      onText(text);
      this.answering.resolve();
      if (this.finishReason) return generationResult(text, this.finishReason);
      if (!token.isCancellationRequested) {
        await new Promise<void>((resolve) => token.onCancellationRequested(() => resolve()));
      }
      return generationResult(text, "cancelled");
    },
  };
}

describe("an edit of a selection", () => {
  const { window } = vscode;
  const { showWarningMessage } = window;
  let count = 0;
  let document: vscode.TextDocument;
  let model: Model;
  let edits: InlineEdits;
  /** What was warned of, and which button is pressed. */
  let warnings: { text: string; isModal: boolean }[];
  let answerWarning: (isModal: boolean) => string | undefined;

  beforeEach(async () => {
    await activateFlint();
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    ok(folder);
    const file = vscode.Uri.joinPath(folder.uri, `edited${count++}.ts`);
    await writeFile(file.fsPath, source);
    document = await vscode.workspace.openTextDocument(file);
    const editor = await window.showTextDocument(document, { preview: false });
    editor.selection = new vscode.Selection(0, 0, 0, 5);
    model = new Model();
    edits = new InlineEdits(model.backend);
    warnings = [];
    answerWarning = () => undefined;
    const warn = async (text: string, options: unknown): Promise<string | undefined> => {
      const isModal = typeof options === "object";
      warnings.push({ text, isModal });
      return answerWarning(isModal);
    };
    Object.assign(window, { showWarningMessage: warn });
  });

  afterEach(async () => {
    Object.assign(window, { showWarningMessage });
    await edits.reject();
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });

  it("ends, and the model stops, when its tab is closed", async () => {
    const started = edits.start("Say 3.");
    await model.answering.promise;
    strictEqual(previews().length, 1);
    await vscode.window.tabGroups.close(previews());
    // Without an end of the answer this would wait for ever.
    await started;
    await edits.accept();
    strictEqual(document.getText(), source);
    await edits.retry();
    strictEqual(model.asked.length, 1);
  });

  it("goes on in another group, and where another file is looked at", async () => {
    const started = edits.start("Say 3.");
    await model.answering.promise;
    await vscode.commands.executeCommand("workbench.action.moveEditorToNextGroup");
    strictEqual(previews()[0]?.group.viewColumn, 2);
    await vscode.commands.executeCommand("vscode.open", document.uri, { viewColumn: 2, preview: true });
    strictEqual(previews().length, 1);
    edits.stop();
    await started;
    await edits.accept();
    strictEqual(document.getText(), source.replace("1", "3"));
    deepStrictEqual(warnings, []);
  });

  it("that was cut off says so, and is accepted only where that is meant", async () => {
    model.finishReason = "length";
    await edits.start("Say 3.");
    const text = `The edit of edited${count - 1}.ts is not complete: the model's answer was cut off before its end.`;
    deepStrictEqual(warnings, [{ text, isModal: false }]);
    await edits.accept();
    deepStrictEqual(warnings[1], { text, isModal: true });
    strictEqual(document.getText(), source);
    strictEqual(previews().length, 1);
    answerWarning = (isModal) => (isModal ? "Accept" : undefined);
    await edits.accept();
    strictEqual(document.getText(), source.replace("1", "3"));
    strictEqual(previews().length, 0);
  });

  it("that was cut off is tried again instead", async () => {
    model.finishReason = "length";
    await edits.start("Say 3.");
    model.finishReason = "stop";
    answerWarning = (isModal) => (isModal ? "Try again" : undefined);
    await edits.accept();
    strictEqual(model.asked.length, 2);
    strictEqual(document.getText(), source);
    // This answer is complete.
    await edits.accept();
    strictEqual(warnings.length, 2);
    strictEqual(document.getText(), source.replace("1", "3"));
  });
});
