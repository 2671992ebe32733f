import * as path from "node:path/posix";
import * as vscode from "vscode";
import { meantEditor } from "../meantEditor.js";
import { isAlike } from "./apply/paths.js";

/** Where a path that a model has named would be in the workspace; undefined when that is outside of it. */
export function workspaceUri(named: string): vscode.Uri | undefined {
  const clean = path.normalize(named.replaceAll("\\", "/").replace(/^(?:\.?\/|~\/|[A-Za-z]:\/)+/, ""));
  if (clean === "." || clean.startsWith("..") || clean.includes("\0")) return undefined;
  const folders = vscode.workspace.workspaceFolders ?? [];
  const [folder] = folders;
  if (!folder) return undefined;
  // "project/src/a.ts" for "src/a.ts" of the folder "project".
  const inFolder = folders.find(({ name }) => clean.startsWith(`${name}/`));
  if (inFolder && !folders.some(({ uri }) => isOpen(vscode.Uri.joinPath(uri, clean)))) {
    return vscode.Uri.joinPath(inFolder.uri, clean.slice(inFolder.name.length + 1));
  }
  return vscode.Uri.joinPath(folder.uri, clean);
}

/** The file that code is for: the one that is named, perhaps not quite as it is; else one that is attached, else the open one. */
export async function findTarget(
  named: string | undefined,
  attached: readonly string[],
): Promise<vscode.Uri | undefined> {
  if (named !== undefined) {
    const alike = attached.find((each) => isAlike(named, each));
    return (await existing(named)) ?? (alike === undefined ? undefined : existing(alike));
  }
  for (const each of attached) {
    const uri = await existing(each);
    if (uri) return uri;
  }
  return openFile();
}

async function existing(named: string): Promise<vscode.Uri | undefined> {
  const uri = workspaceUri(named);
  if (uri && (await isFile(uri))) return uri;
  const clean = named.replaceAll("\\", "/").replace(/^(?:\.?\/)+/, "");
  const ends = (other: vscode.Uri) => other.path === `/${clean}` || other.path.endsWith(`/${clean}`);
  const open = vscode.workspace.textDocuments.filter(({ uri: other }) => isEditable(other) && ends(other));
  if (open.length === 1) return open[0]?.uri;
  const name = path.basename(clean);
  if (/[*?{}[\]]/.test(name) || name === "") return undefined;
  const found = (await vscode.workspace.findFiles(`**/${name}`, undefined, 20)).filter(ends);
  return found.length === 1 ? found[0] : undefined;
}

/** Of the editor that is meant: the chat panel itself has the focus now. */
function openFile(): vscode.Uri | undefined {
  const active = meantEditor()?.document.uri;
  if (active && isEditable(active)) return active;
  const shown = vscode.window.visibleTextEditors.map(({ document }) => document.uri).filter(isEditable);
  return new Set(shown.map(String)).size === 1 ? shown[0] : undefined;
}

const isEditable = ({ scheme }: vscode.Uri) => ["file", "untitled", "vscode-remote", "vscode-vfs"].includes(scheme);

const isOpen = (uri: vscode.Uri) =>
  vscode.workspace.textDocuments.some((document) => document.uri.toString() === uri.toString());

export async function isFile(uri: vscode.Uri): Promise<boolean> {
  if (isOpen(uri)) return true;
  try {
    return (await vscode.workspace.fs.stat(uri)).type === vscode.FileType.File;
  } catch {
    return false;
  }
}
