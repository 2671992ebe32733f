/** What can be attached to a question, read with VS Code's own interfaces and its git extension. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { FlintApi } from "../../../extension/api.js";
import { NothingToAttach } from "../../../extension/chat/context/source.js";
import { fileOrFolder, fileSource } from "../../../extension/chat/context/sources/files.js";
import { followChanges, gitChanges, gitDiff } from "../../../extension/chat/context/sources/git.js";
import { projectInstructions } from "../../../extension/chat/context/sources/instructions.js";
import { openEditor } from "../../../extension/chat/context/sources/openEditor.js";
import { problemsOf } from "../../../extension/chat/context/sources/problems.js";
import { findSymbols, symbolSource } from "../../../extension/chat/context/sources/symbols.js";
import { activateFlint, untilState } from "./flint.js";
import { stagedChange, type TestRepository } from "./repository.js";

const source = "export function add(a: number, b: number) {\n  return a + b;\n}\n\nadd(1, 2);\n";
let root: string;
const file = (name: string) => vscode.Uri.file(path.join(root, name));

async function write(files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), content);
  }
}

async function open(name: string): Promise<vscode.TextEditor> {
  return vscode.window.showTextDocument(await vscode.workspace.openTextDocument(file(name)));
}

before(async () => {
  await activateFlint();
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  ok(folder);
  root = folder.uri.fsPath;
  await write({
    "AGENTS.md": "Be brief.\n",
    "sample/a.ts": source,
    "sample/deep/b.ts": "let b;\n",
    "sample/.gitignore": "*.log\n/secret/\n",
    "sample/x.log": "ignored",
    "sample/secret/key.ts": "ignored",
    "sample/c.gen.ts": "excluded",
    "sample/picture.bin": new Uint8Array([0x89, 0, 1, 2]),
    "sample/empty.ts": "",
  });
});

describe("context of a question", () => {
  before(() => setExcluded({ "**/*.gen.ts": true }));
  after(() => setExcluded(undefined));

  it("of a folder is its text, without what files.exclude and .gitignore exclude", async () => {
    const { attachments, omitted } = await (await fileOrFolder(file("sample"))).read();
    deepStrictEqual(
      attachments.map(({ path }) => path),
      ["sample/.gitignore", "sample/a.ts", "sample/deep/b.ts"],
    );
    strictEqual(omitted, "Left out, as not text or too large: sample/picture.bin.");
    strictEqual(attachments[1]?.text, source.trimEnd());
  });

  it("is refused in words where there is nothing to read", async () => {
    const refused = async (read: Promise<unknown>, reason: RegExp) =>
      rejects(read, (error) => error instanceof NothingToAttach && reason.test(error.message));
    await refused(fileSource(file("sample/picture.bin")).read(), /picture\.bin is not a text file/);
    await refused(fileSource(file("nowhere.ts")).read(), /could not be read/);
    await refused(fileOrFolder(file("nowhere")), /could not be read/);
    await refused(problemsOf(file("sample/a.ts")).read(), /no problems/);
  });

  it("is the selection, with whole lines, or the file with what is not saved", async () => {
    const editor = await open("sample/a.ts");
    editor.selection = new vscode.Selection(1, 4, 2, 0);
    const selection = openEditor();
    strictEqual(selection?.label, "a.ts 2");
    deepStrictEqual((await selection?.read())?.attachments[0], {
      ...{ label: "a.ts 2", name: "a.ts", path: "sample/a.ts" },
      ...{ firstLine: 2, language: "typescript", text: "  return a + b;" },
    });
    editor.selection = new vscode.Selection(0, 0, 0, 0);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "// new\n"));
    const { attachments } = await fileSource(file("sample/a.ts")).read();
    ok(attachments[0]?.text.startsWith("// new\n"));
    await editor.edit((edit) => edit.delete(new vscode.Range(0, 0, 1, 0)));
    ok(await editor.document.save());
    strictEqual(editor.document.getText(), source);
  });

  it("is the problems of a file", async () => {
    const found = vscode.languages.createDiagnosticCollection("test");
    const range = new vscode.Range(1, 9, 1, 10);
    const problem = new vscode.Diagnostic(range, "No such name.", vscode.DiagnosticSeverity.Error);
    problem.source = "test";
    found.set(file("sample/a.ts"), [problem]);
    const { attachments } = await problemsOf(file("sample/a.ts")).read();
    found.dispose();
    strictEqual(attachments[0]?.text, "sample/a.ts:2:10: error: No such name. [test]");
  });

  it("is a symbol with all of its lines", async () => {
    const uri = file("sample/a.ts");
    const kind = vscode.SymbolKind.Function;
    const name = new vscode.Range(0, 16, 0, 19);
    const providers = vscode.Disposable.from(
      vscode.languages.registerWorkspaceSymbolProvider({
        provideWorkspaceSymbols: () => [
          new vscode.SymbolInformation("addForTest", kind, "", new vscode.Location(uri, name)),
        ],
      }),
      vscode.languages.registerDocumentSymbolProvider(
        { pattern: "**/sample/a.ts" },
        {
          provideDocumentSymbols: () => [
            new vscode.DocumentSymbol("add", "", kind, new vscode.Range(0, 0, 2, 1), name),
          ],
        },
      ),
    );
    const symbol = (await findSymbols("addForTest")).find((each) => each.name === "addForTest");
    ok(symbol);
    const { attachments } = await symbolSource(symbol).read();
    providers.dispose();
    strictEqual(attachments[0]?.text, source.split("\n").slice(0, 3).join("\n"));
  });

  it("is the instructions of a project", async () => {
    const [instructions, ...others] = await projectInstructions();
    strictEqual(instructions?.label, "AGENTS.md");
    strictEqual((await instructions.read()).attachments[0]?.text, "Be brief.");
    deepStrictEqual(others, []);
  });

  it("is all instructions of all folders, each once", async () => {
    await write({
      "one/AGENTS.md": "One.\n",
      "one/.github/copilot-instructions.md": "Of one, for Copilot.\n",
      "two/AGENTS.md": "Two.\n",
      "two/.github/copilot-instructions.md": "Two.\n",
      "three/AGENTS.md": "\n",
    });
    const found = await projectInstructions(["one", "two", "three", "four"].map(file));
    deepStrictEqual(
      found.map(({ label }) => label),
      ["one/AGENTS.md", "one/.github/copilot-instructions.md", "two/AGENTS.md"],
    );
    strictEqual(new Set(found.map(({ key }) => key)).size, 3);
  });
});

describe("changes in git", () => {
  let repository: TestRepository;
  let flint: FlintApi;
  before(async () => {
    flint = await activateFlint();
    await flint.engine.load();
    repository = await stagedChange(root, { "sample/staged.py": "def multiply(a, b):\n    return a * b\n" });
  });

  it("are attached staged and unstaged", async () => {
    const staged = (await gitDiff(true).read()).attachments[0];
    strictEqual(staged?.language, "diff");
    match(staged.text, /\+def multiply\(a, b\):/);
    await rejects(gitDiff(false).read(), NothingToAttach);
    await write({ "sample/staged.py": "def multiply(a, b):\n    return b * a\n" });
    match((await gitDiff(false).read()).attachments[0]?.text ?? "", /\+ {4}return b \* a/);
  });

  it("are told of while there are some, and are what /commit is about", async () => {
    const told: boolean[] = [];
    const changes = new vscode.EventEmitter<void>();
    const until = async (has: boolean) => {
      while (told.at(-1) !== has) await new Promise<void>((resolve) => once(changes.event, resolve));
    };
    const following = followChanges((has) => {
      told.push(has);
      changes.fire();
    });
    await until(true);
    strictEqual((await gitChanges()).label, "Staged changes");
    // What git does not know is no change.
    await repository.unstage();
    await until(false);
    strictEqual((await gitChanges()).label, "Unstaged changes");
    await repository.stage();
    await until(true);
    following.dispose();
    deepStrictEqual(told, [true, false, true]);
  });

  it("and what is attached leave out what the repository's info/exclude names", async () => {
    await write({ ".git/info/exclude": "/sample/hidden/\n", "sample/hidden/own.ts": "let own;\n" });
    const { attachments } = await (await fileOrFolder(file("sample"))).read();
    const paths = attachments.map(({ path }) => path);
    ok(paths.includes("sample/a.ts"));
    ok(!paths.includes("sample/hidden/own.ts"), paths.join());
  });

  it("have a commit message written, which can be stopped", async () => {
    repository.inputBox.value = "";
    await vscode.commands.executeCommand("flint.writeCommitMessage");
    ok(repository.inputBox.value.trim() !== "");
    ok(!repository.inputBox.value.includes("```"));
    repository.inputBox.value = "";
    const written = vscode.commands.executeCommand("flint.writeCommitMessage");
    await vscode.commands.executeCommand("flint.stopCommitMessage");
    await written;
    strictEqual(flint.engine.state(), "ready");
  });

  it("leave the box as it is where nothing has changed", async () => {
    await repository.unstage();
    repository.inputBox.value = "mine";
    await vscode.commands.executeCommand("flint.writeCommitMessage");
    strictEqual(repository.inputBox.value, "mine");
  });
});

describe("a command of the person's own", () => {
  const setPrompts = (value: unknown) =>
    vscode.workspace.getConfiguration("flint").update("prompts", value, vscode.ConfigurationTarget.Workspace);
  before(() => setPrompts({ review: "Review this." }));
  after(() => setPrompts(undefined));

  it("asks about the open file where a key binding names it", async () => {
    const flint = await activateFlint();
    await flint.engine.load();
    await open("sample/a.ts");
    // Without one of that name the list would be shown.
    const asked = vscode.commands.executeCommand("flint.useTemplate", "review");
    await untilState(flint, (state) => state === "reading" || state === "answering");
    await vscode.commands.executeCommand("flint.stop");
    await asked;
  });
});

describe("an edit of a selection", () => {
  const isPreview = ({ input }: vscode.Tab) =>
    input instanceof vscode.TabInputTextDiff && input.modified.scheme === "flint-edit";
  const previews = () => vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs).filter(isPreview);
  let editor: vscode.TextEditor;
  before(async () => {
    await (await activateFlint()).engine.load();
  });

  const start = async () => {
    editor = await open("sample/a.ts");
    editor.selection = new vscode.Selection(1, 2, 1, 3);
    await vscode.commands.executeCommand("flint.editSelection", { instruction: "Subtract instead of adding." });
  };

  it("is shown as a diff, and rejecting it changes nothing", async () => {
    await start();
    strictEqual(previews().length, 1);
    strictEqual(editor.document.getText(), source);
    await vscode.commands.executeCommand("flint.rejectEdit");
    strictEqual(previews().length, 0);
    strictEqual(editor.document.getText(), source);
  });

  it("is made when it is accepted, as one step to undo", async () => {
    await start();
    const [tab] = previews();
    ok(tab?.input instanceof vscode.TabInputTextDiff);
    const shown = (await vscode.workspace.openTextDocument(tab.input.modified)).getText();
    await vscode.commands.executeCommand("flint.acceptEdit");
    strictEqual(previews().length, 0);
    strictEqual(editor.document.getText(), shown);
    ok(shown.startsWith("export function add(a: number, b: number) {\n"));
    ok(shown.endsWith("}\n\nadd(1, 2);\n"));
    if (shown !== source) await vscode.commands.executeCommand("undo");
    strictEqual(editor.document.getText(), source);
  });
});

function once<Value>(event: vscode.Event<Value>, listener: (value: Value) => void): void {
  const subscription = event((value) => {
    subscription.dispose();
    listener(value);
  });
}

async function setExcluded(value: unknown): Promise<void> {
  await vscode.workspace.getConfiguration("files").update("exclude", value, vscode.ConfigurationTarget.Workspace);
}
