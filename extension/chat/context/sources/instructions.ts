import * as vscode from "vscode";
import type { ContextSource } from "../source.js";
import { fileSource } from "./files.js";

/** Where projects tell assistants how they are to be worked on. The first that exists counts. */
const names = ["AGENTS.md", ".github/copilot-instructions.md"];

/** Whether a path of the workspace is that of instructions: questions are not about them. */
export const isInstructions = (path: string): boolean => names.includes(path);

/** The instructions of the first workspace folder; undefined where there are none, or the workspace is not trusted. */
export async function projectInstructions(): Promise<ContextSource | undefined> {
  const [folder] = vscode.workspace.workspaceFolders ?? [];
  if (!folder || !vscode.workspace.isTrusted) return undefined;
  for (const name of names) {
    const uri = vscode.Uri.joinPath(folder.uri, name);
    try {
      const { type } = await vscode.workspace.fs.stat(uri);
      if (type & vscode.FileType.File) return { ...fileSource(uri), icon: "book" };
    } catch {
      // There is none of this name.
    }
  }
  return undefined;
}
