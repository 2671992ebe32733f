/** The list of what can be attached, as VS Code's own quick pick. */
import { posix } from "node:path";
import * as vscode from "vscode";
import { meantEditor } from "../meantEditor.js";
import { fuzzyFiles } from "./fuzzyFiles.js";
import type { ContextSource } from "./source.js";
import { fileSource, folderSource } from "./sources/files.js";
import { gitDiff } from "./sources/git.js";
import { projectInstructions } from "./sources/instructions.js";
import { openEditor, wholeDocument } from "./sources/openEditor.js";
import { problemCount, problemsOf } from "./sources/problems.js";
import { findSymbols, symbolSource } from "./sources/symbols.js";
import { terminalSelection } from "./sources/terminal.js";
import { type WorkspaceFile, workspaceFiles } from "./sources/workspace.js";

/** Picking it gives something to attach, or opens another list; undefined: that one was closed. */
interface Item extends vscode.QuickPickItem {
  pick?: () => ContextSource | Promise<ContextSource | undefined>;
}

const mostFound = 50;

/** Asks what to attach; what is typed finds files, too. @returns undefined when the list is closed */
export async function pickContext(): Promise<ContextSource | undefined> {
  const files = new FileList();
  const choices = await firstChoices(files);
  const folders = async (query: string) => [...choices, ...(await files.items(query))];
  const placeholder = vscode.l10n.t("Attach to the question; type to find a file");
  return choose(vscode.l10n.t("Add Context"), placeholder, folders, choices).finally(() => files.dispose());
}

async function firstChoices(files: FileList): Promise<Item[]> {
  const editor = meantEditor();
  const items: Item[] = [];
  const open = openEditor();
  if (open) {
    const isSelection = editor?.selection.isEmpty === false;
    const label = isSelection ? vscode.l10n.t("Selection") : vscode.l10n.t("Open file");
    items.push({ label: `$(${open.icon}) ${label}`, description: open.label, pick: () => open });
    const whole = isSelection && editor ? wholeDocument(editor.document) : undefined;
    if (whole)
      items.push({ label: `$(file) ${vscode.l10n.t("Open file")}`, description: whole.label, pick: () => whole });
  }
  items.push(
    { label: `$(go-to-file) ${vscode.l10n.t("File…")}`, pick: () => pickFile(files) },
    { label: `$(folder) ${vscode.l10n.t("Folder…")}`, pick: () => pickFolder(files) },
    { label: `$(symbol-method) ${vscode.l10n.t("Symbol…")}`, pick: pickSymbol },
  );
  const uri = editor?.document.uri;
  const own = uri && problemCount(uri) > 0 ? [problemsOf(uri)] : [];
  const problems = problemCount() > 0 ? [...own, problemsOf()] : [];
  const instructions = await projectInstructions();
  const others = [...problems, gitDiff(true), gitDiff(false), terminalSelection(), ...instructions];
  return [...items, ...others.map((source) => ({ label: `$(${source.icon}) ${source.label}`, pick: () => source }))];
}

/** The files of the workspace, listed once for as long as the lists are open. */
class FileList {
  private readonly cancellation = new vscode.CancellationTokenSource();
  private listed: Promise<WorkspaceFile[]> | undefined;

  all(): Promise<WorkspaceFile[]> {
    this.listed ??= workspaceFiles(undefined, this.cancellation.token);
    return this.listed;
  }

  /** Those that match; without a query none. */
  async items(query: string): Promise<Item[]> {
    if (query.trim() === "") return [];
    return fuzzyFiles(await this.all(), query, mostFound).map(fileItem);
  }

  dispose(): void {
    this.cancellation.cancel();
    this.cancellation.dispose();
  }
}

function fileItem({ uri, path }: WorkspaceFile): Item {
  const folder = posix.dirname(path);
  return {
    label: `$(file) ${posix.basename(path)}`,
    ...(folder !== "." && { description: folder }),
    // The list's own filter does not know that letters in their order are enough.
    alwaysShow: true,
    pick: () => fileSource(uri),
  };
}

async function pickFile(files: FileList): Promise<ContextSource | undefined> {
  const all = await files.all();
  const first = [...all].sort((a, b) => (a.path < b.path ? -1 : 1)).slice(0, mostFound);
  const find = async (query: string) => (query.trim() === "" ? first.map(fileItem) : files.items(query));
  return choose(vscode.l10n.t("Add File"), vscode.l10n.t("Type to find a file"), find);
}

async function pickFolder(files: FileList): Promise<ContextSource | undefined> {
  const folders = new Map<string, vscode.Uri>();
  for (const { uri, path } of await files.all()) {
    for (let [at, folder] = [uri, path]; ; ) {
      folder = posix.dirname(folder);
      at = vscode.Uri.joinPath(at, "..");
      if (folder === "." || folders.has(folder)) break;
      folders.set(folder, at);
    }
  }
  const roots = (vscode.workspace.workspaceFolders ?? []).map(({ name, uri }) => ({ path: name, uri }));
  const all = [
    ...roots,
    ...[...folders].map(([path, uri]) => ({ path, uri })).sort((a, b) => (a.path < b.path ? -1 : 1)),
  ];
  const items = (found: typeof all): Item[] =>
    found.map(({ path, uri }) => ({ label: `$(folder) ${path}`, alwaysShow: true, pick: () => folderSource(uri) }));
  const find = async (query: string) =>
    items(query.trim() === "" ? all.slice(0, mostFound) : fuzzyFiles(all, query, mostFound));
  return choose(vscode.l10n.t("Add Folder"), vscode.l10n.t("Type to find a folder"), find);
}

function pickSymbol(): Promise<ContextSource | undefined> {
  const find = async (query: string) => {
    const symbols = query.trim() === "" ? [] : await findSymbols(query);
    return symbols.slice(0, mostFound).map((symbol): Item => {
      const description = [symbol.containerName, vscode.workspace.asRelativePath(symbol.location.uri)];
      return {
        label: `$(symbol-method) ${symbol.name}`,
        description: description.filter(Boolean).join(" · "),
        alwaysShow: true,
        pick: () => symbolSource(symbol),
      };
    });
  };
  return choose(vscode.l10n.t("Add Symbol"), vscode.l10n.t("Type the name of a function, class or variable"), find);
}

/**
 * Shows a list that is found anew as the person types.
 * @param find what there is for a query
 * @param begin what there is before
 */
async function choose(
  title: string,
  placeholder: string,
  find: (query: string) => Promise<Item[]>,
  begin: readonly Item[] = [],
): Promise<ContextSource | undefined> {
  const list = vscode.window.createQuickPick<Item>();
  list.title = title;
  list.placeholder = placeholder;
  list.items = begin;
  let asked = 0;
  const update = async (query: string) => {
    const own = ++asked;
    list.busy = true;
    const found = await find(query);
    // What was typed meanwhile has its own answer.
    if (own !== asked) return;
    list.items = found;
    list.busy = false;
  };
  const picked = await new Promise<Item | undefined>((resolve, reject) => {
    list.onDidChangeValue((query) => update(query).catch(reject));
    list.onDidAccept(() => resolve(list.activeItems[0]));
    list.onDidHide(() => resolve(undefined));
    list.show();
    if (begin.length === 0) update("").catch(reject);
  }).finally(() => list.dispose());
  return picked?.pick?.();
}
