/** Which editor is meant, while the chat or something else is the active tab. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import { openEditor } from "../../../extension/chat/context/sources/openEditor.js";
import { sourcesFor } from "../../../extension/chat/context/sourcesFor.js";
import { insertAtCursor } from "../../../extension/chat/edits/insertAtCursor.js";
import { findTarget } from "../../../extension/chat/edits/target.js";
import { followEditors, meantEditor, onDidChangeMeantEditor } from "../../../extension/chat/meantEditor.js";
import { activateFlint } from "./flint.js";

const { window, ViewColumn } = vscode;

describe("the editor that is meant", () => {
  let subscription: vscode.Disposable;
  let folder: vscode.Uri;
  before(async () => {
    await activateFlint();
    const [first] = vscode.workspace.workspaceFolders ?? [];
    ok(first);
    folder = first.uri;
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    subscription = followEditors();
  });
  after(() => subscription.dispose());
  afterEach(async () => {
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });

  async function show(name: string, column: vscode.ViewColumn): Promise<vscode.TextEditor> {
    const uri = vscode.Uri.joinPath(folder, name);
    await writeFile(uri.fsPath, "one\ntwo\n");
    return window.showTextDocument(await vscode.workspace.openTextDocument(uri), {
      viewColumn: column,
      preview: false,
    });
  }

  async function untilActive(wanted: (editor: vscode.TextEditor | undefined) => boolean): Promise<void> {
    if (wanted(window.activeTextEditor)) return;
    await new Promise<void>((resolve) => {
      const listener = window.onDidChangeActiveTextEditor((editor) => {
        if (!wanted(editor)) return;
        listener.dispose();
        resolve();
      });
    });
  }

  async function showPage(column: vscode.ViewColumn): Promise<void> {
    window.createWebviewPanel("test", "Page", column).webview.html = "A page";
    // While a page has the focus, VS Code has none.
    await untilActive((editor) => editor === undefined);
  }

  const meant = () => meantEditor()?.document.uri.path.split("/").at(-1);

  it("is the last one that is still visible, where the chat is the active tab", async () => {
    await show("first.ts", ViewColumn.One);
    const second = await show("second.ts", ViewColumn.Two);
    second.selection = new vscode.Selection(1, 0, 1, 3);
    await showPage(ViewColumn.Three);
    strictEqual(meant(), "second.ts");
    strictEqual(openEditor()?.label, "second.ts 2");
    deepStrictEqual(
      (await sourcesFor(["code"], false)).map(({ label }) => label),
      ["second.ts 2"],
    );
    strictEqual(String(await findTarget(undefined, [])), String(second.document.uri));
    await insertAtCursor("2");
    strictEqual(second.document.getText(), "one\n2\n");
    await vscode.commands.executeCommand("workbench.action.files.revert");
  });

  it("is not one that is hidden, and its change is told", async () => {
    const first = await show("first.ts", ViewColumn.One);
    await show("second.ts", ViewColumn.Two);
    await showPage(ViewColumn.Two);
    strictEqual(meant(), "first.ts");
    const told = new Promise<void>((resolve) => {
      const listener = onDidChangeMeantEditor(() => {
        if (meantEditor()) return;
        listener.dispose();
        resolve();
      });
    });
    const tabs = window.tabGroups.all.flatMap((group) => group.tabs);
    const isFirst = ({ input }: vscode.Tab) =>
      input instanceof vscode.TabInputText && input.uri.toString() === first.document.uri.toString();
    await window.tabGroups.close(tabs.filter(isFirst));
    await told;
    strictEqual(openEditor(), undefined);
    await rejects(insertAtCursor("2"), /Open a file to insert code into/);
  });

  it("is no comparison of ours", async () => {
    const first = await show("first.ts", ViewColumn.One);
    await show("second.ts", ViewColumn.Two);
    const { uri } = first.document;
    const provider = vscode.workspace.registerTextDocumentContentProvider("flint-test", {
      provideTextDocumentContent: () => "other\n",
    });
    await vscode.commands.executeCommand("vscode.diff", uri, uri.with({ scheme: "flint-test" }), "Comparison", {
      viewColumn: ViewColumn.One,
    });
    ok(window.visibleTextEditors.some(({ document }) => document.uri.scheme === "flint-test"));
    strictEqual(meant(), "second.ts");
    await vscode.commands.executeCommand("workbench.action.compareEditor.focusSecondarySide");
    strictEqual(window.activeTextEditor?.document.uri.toString(), uri.toString());
    strictEqual(meant(), "second.ts");
    // The same file beside it is.
    await show("first.ts", ViewColumn.Three);
    strictEqual(meant(), "first.ts");
    provider.dispose();
  });

  it("is no output", async () => {
    await show("first.ts", ViewColumn.One);
    const output = window.createOutputChannel("Test");
    output.append("something");
    output.show(false);
    await vscode.commands.executeCommand("workbench.panel.output.focus");
    await untilActive((editor) => editor?.document.uri.scheme === "output");
    strictEqual(meant(), "first.ts");
    output.dispose();
    await vscode.commands.executeCommand("workbench.action.closePanel");
  });
});
