import { posix } from "node:path";
import * as vscode from "vscode";
import { type IgnoreFile, ignoreRules } from "../ignoreRules.js";
import { repositoryIgnores } from "../repositoryIgnores.js";

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
 * The files below a folder, or of the whole workspace, that neither `files.exclude` nor git's rules for them exclude.
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

/**
 * Reads all `.gitignore` files, those above the workspace folders included, and `.git/info/exclude`.
 * @returns whether they exclude a file
 */
async function ignoredByGit(token: vscode.CancellationToken): Promise<(uri: vscode.Uri) => boolean> {
  const uris = await vscode.workspace.findFiles("**/.gitignore", never, mostIgnoreFiles, token);
  const keyOf = (uri: vscode.Uri) => vscode.workspace.getWorkspaceFolder(uri)?.uri.toString() ?? "";
  const folders = vscode.workspace.workspaceFolders ?? [];
  const rules = new Map(
    await Promise.all(
      folders.map(async (folder) => {
        const key = folder.uri.toString();
        const outside = await repositoryIgnores(folder.uri.path, (path) => readText(folder.uri.with({ path })));
        const fromRoot = (path: string) => posix.join(outside.folder, path);
        const own = uris.filter((uri) => keyOf(uri) === key);
        const files = await Promise.all(
          own.map(async (uri): Promise<IgnoreFile> => {
            const path = posix.dirname(vscode.workspace.asRelativePath(uri, false));
            return { folder: fromRoot(path).replace(/^\.$/, ""), text: (await readText(uri)) ?? "" };
          }),
        );
        const isIgnored = ignoreRules([...files, ...outside.files]);
        return [key, (path: string) => isIgnored(fromRoot(path))] as const;
      }),
    ),
  );
  return (uri) => rules.get(keyOf(uri))?.(vscode.workspace.asRelativePath(uri, false)) ?? false;
}

/** @returns undefined where there is no such file */
async function readText(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch {
    return undefined;
  }
}
