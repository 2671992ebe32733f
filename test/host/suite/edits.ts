import { ok, strictEqual } from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { FlintApi } from "../../../extension/api.js";
import { runInTerminal } from "../../../extension/chat/edits/runInTerminal.js";
import { activateFlint } from "./flint.js";

const original = "const a = 1;\r\n\r\nfunction one() {\r\n\treturn 2;\r\n}\r\n\r\nfunction two() {\r\n\treturn 1;\r\n}";
const code = "function one() {\n  return 1;\n}\n\nfunction two() {\n  return 2;\n}\n";
const changed = original
  .replace("return 2", "return X")
  .replace("return 1", "return 2")
  .replace("return X", "return 1");

describe("code of an answer", () => {
  let flint: FlintApi;
  let file: vscode.Uri;
  let count = 0;
  before(async () => {
    flint = await activateFlint();
  });

  afterEach(async () => {
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });

  /** A file of the workspace with this text, open in an editor. */
  async function open(text: string): Promise<vscode.TextDocument> {
    const [folder] = vscode.workspace.workspaceFolders ?? [];
    ok(folder);
    file = vscode.Uri.joinPath(folder.uri, `numbers${count++}.js`);
    await writeFile(file.fsPath, text);
    const document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document, { preview: false });
    return document;
  }

  /** Puts something at the beginning, without saving it. */
  async function type(document: vscode.TextDocument, text: string): Promise<void> {
    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, new vscode.Position(0, 0), text);
    ok(await vscode.workspace.applyEdit(edit));
  }

  const apply = (text: string) => flint.edits.apply({ text, language: "js", path: path.basename(file.fsPath) });
  const tabs = () => vscode.window.tabGroups.all.flatMap((group) => group.tabs);
  const isDiff = ({ input }: vscode.Tab) => input instanceof vscode.TabInputTextDiff;

  it("is shown in the diff editor, and written when it is accepted, in one step", async () => {
    const document = await open(original);
    await apply(code);
    const [diff] = tabs().filter(isDiff);
    ok(diff);
    strictEqual(document.getText(), original);
    await vscode.commands.executeCommand("flint.acceptAllChanges");
    strictEqual(document.getText(), changed);
    strictEqual(document.isDirty, false);
    // The diff is closed, the file is not.
    strictEqual(tabs().filter(isDiff).length, 0);
    ok(tabs().some(({ input }) => input instanceof vscode.TabInputText && input.uri.fsPath === file.fsPath));
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand("undo");
    strictEqual(document.getText(), original);
  });

  it("is accepted and rejected one change at a time", async () => {
    const document = await open(original);
    await apply(code);
    const { input } = vscode.window.tabGroups.activeTabGroup.activeTab ?? {};
    ok(input instanceof vscode.TabInputTextDiff);
    await vscode.commands.executeCommand("flint.rejectChange", input.modified, 3);
    await vscode.commands.executeCommand("flint.acceptChange", input.modified, 7);
    strictEqual(document.getText(), original.replace("return 1", "return 2"));
    strictEqual(tabs().filter(isDiff).length, 0);
  });

  it("respects what is not saved, and follows the file while it changes", async () => {
    const document = await open(original);
    await type(document, "// one\r\n");
    await apply(code);
    await type(document, "// two\r\n");
    await vscode.commands.executeCommand("flint.acceptAllChanges");
    strictEqual(document.getText(), `// two\r\n// one\r\n${changed}`);
    strictEqual(document.isDirty, true);
  });

  it("is saved where nothing else was left to save", async () => {
    const document = await open(original);
    await apply(code);
    const loaded = new Promise<void>((resolve) => {
      const subscription = vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.document !== document || !document.getText().startsWith("// two")) return;
        subscription.dispose();
        resolve();
      });
    });
    await writeFile(file.fsPath, `// two\r\n${original}`);
    await loaded;
    await type(document, "// three\r\n");
    ok(await document.save());
    await vscode.commands.executeCommand("flint.acceptAllChanges");
    strictEqual(document.getText(), `// three\r\n// two\r\n${changed}`);
    strictEqual(document.isDirty, false);
    strictEqual(await readFile(file.fsPath, "utf8"), document.getText());
  });

  it("can be accepted in another group, and not once its tab is closed", async () => {
    const document = await open(original);
    await apply(code);
    await vscode.commands.executeCommand("workbench.action.moveEditorToNextGroup");
    const [diff] = tabs().filter(isDiff);
    ok(diff?.input instanceof vscode.TabInputTextDiff);
    strictEqual(diff.group.viewColumn, 2);
    await vscode.commands.executeCommand("flint.acceptChange", diff.input.modified, 3);
    strictEqual(document.getText(), original.replace("return 2", "return 1"));
    await vscode.window.tabGroups.close(tabs().filter(isDiff));
    await vscode.commands.executeCommand("flint.acceptChange", diff.input.modified, 7);
    strictEqual(document.getText(), original.replace("return 2", "return 1"));
  });

  it("is not written where the same lines have changed meanwhile", async () => {
    const document = await open(original);
    await apply(code);
    const edit = new vscode.WorkspaceEdit();
    const text = "function other() {}";
    edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), text);
    const closed = new Promise<void>((resolve) => {
      const subscription = vscode.window.tabGroups.onDidChangeTabs((event) => {
        if (!event.closed.some(isDiff)) return;
        subscription.dispose();
        resolve();
      });
    });
    ok(await vscode.workspace.applyEdit(edit));
    await closed;
    strictEqual(document.getText(), text);
    await vscode.commands.executeCommand("flint.acceptAllChanges");
    strictEqual(document.getText(), text);
  });

  it("leaves the file as it is when all is rejected", async () => {
    const document = await open(original);
    await apply(code);
    await vscode.commands.executeCommand("flint.rejectAllChanges");
    strictEqual(document.getText(), original);
    strictEqual(tabs().filter(isDiff).length, 0);
    ok(tabs().some(({ input }) => input instanceof vscode.TabInputText && input.uri.fsPath === file.fsPath));
  });
});

describe("a command of an answer", () => {
  it("is put into the terminal without Enter", async () => {
    const written = new vscode.EventEmitter<string>();
    const typed = new vscode.EventEmitter<string>();
    let all = "";
    const opened = new Promise<void>((resolve) => {
      const pty: vscode.Pseudoterminal = {
        onDidWrite: written.event,
        open: () => resolve(),
        close: () => undefined,
        handleInput: (keys) => {
          all += keys;
          typed.fire(all);
        },
      };
      vscode.window.createTerminal({ name: "keys", pty }).show();
    });
    await opened;
    const terminal = vscode.window.activeTerminal;
    ok(terminal?.name === "keys");
    const ended = new Promise<void>((resolve) => {
      typed.event((keys) => {
        if (keys.endsWith("#")) resolve();
      });
    });
    await runInTerminal("$ npm test\n");
    // Whatever the command was followed by comes before it.
    terminal.sendText("#", false);
    await ended;
    strictEqual(all, "npm test#");
    terminal.dispose();
  });
});
