import * as vscode from "vscode";
import { type ContextSource, NothingToAttach } from "../source.js";
import { fileSource } from "./files.js";
import { pathInWorkspace } from "./workspace.js";

/** Where projects tell assistants how they are to be worked on. */
const names = ["AGENTS.md", ".github/copilot-instructions.md"];

/** Whether a path, as {@link pathInWorkspace} has it, is that of instructions: questions are not about them. */
export function isInstructions(path: string): boolean {
  const several = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
  return names.includes(several ? path.slice(path.indexOf("/") + 1) : path);
}

/**
 * The instructions of all workspace folders, those of the first folder first; none where the workspace is not trusted. Of those that
 * say the same, as where one is a link to the other, only the first.
 */
export async function projectInstructions(
  folders: readonly vscode.Uri[] = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri),
): Promise<ContextSource[]> {
  if (!vscode.workspace.isTrusted) return [];
  const found = new Map<string, ContextSource>();
  for (const uri of folders.flatMap((folder) => names.map((name) => vscode.Uri.joinPath(folder, name)))) {
    const source = fileSource(uri);
    const text = await textOf(source);
    if (text === undefined || found.has(text)) continue;
    found.set(text, { ...source, label: pathInWorkspace(uri) ?? source.label, icon: "book" });
  }
  return [...found.values()];
}

/** @returns undefined where there is none */
async function textOf(source: ContextSource): Promise<string | undefined> {
  try {
    const { attachments } = await source.read();
    return attachments[0]?.text || undefined;
  } catch (error) {
    if (error instanceof NothingToAttach) return undefined;
    throw error;
  }
}
