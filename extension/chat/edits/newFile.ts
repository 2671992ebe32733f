import * as vscode from "vscode";
import { isFile, workspaceUri } from "./target.js";

/** Opens code as a file that is not saved yet, under the path that a model has named where there is no such file. */
export async function newFile(code: string, language: string, path: string | undefined): Promise<void> {
  const content = code.endsWith("\n") ? code : `${code}\n`;
  const uri = path === undefined ? undefined : workspaceUri(path);
  if (!uri || (await isFile(uri))) {
    const known = await languageId(language);
    const document = await vscode.workspace.openTextDocument({ content, ...(known ? { language: known } : {}) });
    await vscode.window.showTextDocument(document);
    return;
  }
  const document = await vscode.workspace.openTextDocument(uri.with({ scheme: "untitled" }));
  const edit = new vscode.WorkspaceEdit();
  edit.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), content);
  await vscode.workspace.applyEdit(edit);
  await vscode.window.showTextDocument(document);
}

/** What models call a language, where VS Code calls it otherwise. */
const aliases: Readonly<Record<string, string>> = {
  bash: "shellscript",
  "c++": "cpp",
  console: "shellscript",
  cs: "csharp",
  docker: "dockerfile",
  golang: "go",
  js: "javascript",
  jsx: "javascriptreact",
  md: "markdown",
  ps1: "powershell",
  py: "python",
  rb: "ruby",
  rs: "rust",
  sh: "shellscript",
  shell: "shellscript",
  ts: "typescript",
  tsx: "typescriptreact",
  yml: "yaml",
  zsh: "shellscript",
};

async function languageId(name: string): Promise<string | undefined> {
  const known = await vscode.languages.getLanguages();
  const wanted = name.toLowerCase();
  return [wanted, aliases[wanted]].find((id) => id !== undefined && known.includes(id));
}
