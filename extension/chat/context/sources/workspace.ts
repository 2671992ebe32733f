import * as vscode from "vscode";
import { type IgnoreFile, ignoreRules } from "../ignoreRules.js";

/** A file of the workspace. */
export interface WorkspaceFile {
  uri: vscode.Uri;
  /** From its workspace folder, with slashes; where there are several folders, with the name of that before it. */
  path: string;
}

/** How many files are looked at: those of a workspace that is larger are found by their folder. */
const mostFiles = 20_000;
const mostIgnoreFiles = 1000;
/** Never offered, also where no `.gitignore` says so: it would be most of what there is. */
const never = "**/{.git,node_modules}/**";

/** From its workspace folder, with slashes; undefined for what is in none. */
export function pathInWorkspace(uri: vscode.Uri): string | undefined {
  if (!vscode.workspace.getWorkspaceFolder(uri)) return undefined;
  const several = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
  return vscode.workspace.asRelativePath(uri, several);
}

/**
 * The files below a folder, or of the whole workspace, that neither `files.exclude` nor a `.gitignore` excludes.
 * @throws vscode.CancellationError
 */
export async function workspaceFiles(
  folder: vscode.Uri | undefined,
  token: vscode.CancellationToken,
): Promise<WorkspaceFile[]> {
  const pattern = folder ? new vscode.RelativePattern(folder, "**/*") : "**/*";
  const [uris, isIgnored] = await Promise.all([
    vscode.workspace.findFiles(pattern, never, mostFiles, token),
    ignoredByGit(token),
  ]);
  return uris.flatMap((uri) => {
    const path = pathInWorkspace(uri);
    return path === undefined || isIgnored(uri) ? [] : [{ uri, path }];
  });
}

/** Reads all `.gitignore` files. @returns whether they exclude a file */
async function ignoredByGit(token: vscode.CancellationToken): Promise<(uri: vscode.Uri) => boolean> {
  const uris = await vscode.workspace.findFiles("**/.gitignore", never, mostIgnoreFiles, token);
  const byFolder = new Map<string, IgnoreFile[]>();
  await Promise.all(
    uris.map(async (uri) => {
      const root = vscode.workspace.getWorkspaceFolder(uri)?.uri.toString();
      if (root === undefined) return;
      const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
      const path = vscode.workspace.asRelativePath(uri, false);
      const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
      byFolder.set(root, [...(byFolder.get(root) ?? []), { folder, text }]);
    }),
  );
  const rules = new Map([...byFolder].map(([root, files]) => [root, ignoreRules(files)]));
  return (uri) => {
    const root = vscode.workspace.getWorkspaceFolder(uri)?.uri.toString() ?? "";
    return rules.get(root)?.(vscode.workspace.asRelativePath(uri, false)) ?? false;
  };
}
