import * as vscode from "vscode";
import { meantEditor } from "../../meantEditor.js";
import { type ContextSource, NothingToAttach } from "../source.js";

/** What we use of a repository of VS Code's git extension (its interface, version 1). */
interface GitRepository {
  readonly rootUri: vscode.Uri;
  readonly inputBox: { value: string };
  /** @param cached what is staged, against the last commit; else what is not staged, against what is */
  diff(cached?: boolean): Promise<string>;
}

interface GitExtension {
  readonly enabled: boolean;
  getAPI(version: 1): { readonly repositories: readonly GitRepository[] };
}

/**
 * The repository that a source control view shows, or else that of the open file, or the first.
 * @throws NothingToAttach where there is none
 */
export async function gitRepository(rootUri?: vscode.Uri): Promise<GitRepository> {
  const extension = vscode.extensions.getExtension<GitExtension>("vscode.git");
  const git = await extension?.activate();
  const repositories = git?.enabled ? git.getAPI(1).repositories : [];
  const of = (uri: vscode.Uri) =>
    repositories
      .filter((repository) => `${uri.path}/`.startsWith(`${repository.rootUri.path}/`))
      .sort((a, b) => b.rootUri.path.length - a.rootUri.path.length)[0];
  const open = meantEditor()?.document.uri;
  const repository = (rootUri && of(rootUri)) ?? (open && of(open)) ?? repositories[0];
  if (!repository) throw new NothingToAttach(vscode.l10n.t("There is no git repository in this workspace."));
  return repository;
}

/**
 * The changes of the working tree that are staged, or those that are not, as they are when they are read.
 * @param rootUri as {@link gitRepository}
 */
export function gitDiff(staged: boolean, rootUri?: vscode.Uri): ContextSource {
  const label = staged ? vscode.l10n.t("Staged changes") : vscode.l10n.t("Unstaged changes");
  const read = async () => {
    const text = (await (await gitRepository(rootUri)).diff(staged)).trimEnd();
    if (text === "") {
      throw new NothingToAttach(
        staged ? vscode.l10n.t("Nothing is staged.") : vscode.l10n.t("There are no unstaged changes."),
      );
    }
    return { attachments: [{ label, name: label, firstLine: 1, language: "diff", text }] };
  };
  return { key: `git:${staged}`, label, icon: "git-compare", read };
}
