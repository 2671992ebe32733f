import * as vscode from "vscode";
import { meantEditor, onDidChangeMeantEditor } from "../../meantEditor.js";
import { type ContextSource, NothingToAttach } from "../source.js";

/** VS Code's git extension counts so a file that git does not know. */
const untracked = 7;

/** What we use of a repository of VS Code's git extension (its interface, version 1). */
interface GitRepository {
  readonly rootUri: vscode.Uri;
  readonly inputBox: { value: string };
  readonly state: {
    readonly indexChanges: readonly unknown[];
    readonly workingTreeChanges: readonly { readonly status: number }[];
    readonly onDidChange: vscode.Event<void>;
  };
  /** @param cached what is staged, against the last commit; else what is not staged, against what is */
  diff(cached?: boolean): Promise<string>;
}

interface GitApi {
  readonly repositories: readonly GitRepository[];
  readonly onDidOpenRepository: vscode.Event<GitRepository>;
  readonly onDidCloseRepository: vscode.Event<GitRepository>;
}

interface GitExtension {
  readonly enabled: boolean;
  getAPI(version: 1): GitApi;
}

/** @returns undefined where there is no git */
async function gitApi(): Promise<GitApi | undefined> {
  const git = await vscode.extensions.getExtension<GitExtension>("vscode.git")?.activate();
  return git?.enabled ? git.getAPI(1) : undefined;
}

/** As {@link gitRepository}; undefined where there is none. */
function repositoryOf(repositories: readonly GitRepository[], rootUri?: vscode.Uri): GitRepository | undefined {
  const of = (uri: vscode.Uri) =>
    repositories
      .filter((repository) => `${uri.path}/`.startsWith(`${repository.rootUri.path}/`))
      .sort((a, b) => b.rootUri.path.length - a.rootUri.path.length)[0];
  const open = meantEditor()?.document.uri;
  return (rootUri && of(rootUri)) ?? (open && of(open)) ?? repositories[0];
}

/**
 * The repository that a source control view shows, or else that of the open file, or the first.
 * @throws NothingToAttach where there is none
 */
export async function gitRepository(rootUri?: vscode.Uri): Promise<GitRepository> {
  const repository = repositoryOf((await gitApi())?.repositories ?? [], rootUri);
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

/**
 * What a commit would be of: what is staged, or where nothing is, all changes, as git's smart commit takes them.
 * @param rootUri as {@link gitRepository}
 */
export async function gitChanges(rootUri?: vscode.Uri): Promise<ContextSource> {
  const staged = gitDiff(true, rootUri);
  try {
    await staged.read();
    return staged;
  } catch (error) {
    if (!(error instanceof NothingToAttach)) throw error;
    return gitDiff(false, rootUri);
  }
}

/**
 * Tells whether the repository that a person means has changes to commit, at first and whenever that is different, until it is disposed
 * of. A repository that can't be asked has none.
 */
export function followChanges(tell: (has: boolean) => void): vscode.Disposable {
  const subscriptions: vscode.Disposable[] = [];
  let isDisposed = false;
  let told: boolean | undefined;
  const follow = (api: GitApi | undefined) => {
    if (!api || isDisposed) return;
    const update = () => {
      const state = repositoryOf(api.repositories)?.state;
      const changed = state?.workingTreeChanges.some(({ status }) => status !== untracked) ?? false;
      const has = changed || (state?.indexChanges.length ?? 0) > 0;
      // A cursor that moves is asked about, too.
      if (has === told) return;
      told = has;
      tell(has);
    };
    const add = ({ state }: GitRepository) => {
      subscriptions.push(state.onDidChange(update));
      update();
    };
    subscriptions.push(onDidChangeMeantEditor(update), api.onDidOpenRepository(add), api.onDidCloseRepository(update));
    for (const repository of api.repositories) add(repository);
  };
  gitApi().then(follow, () => undefined);
  return new vscode.Disposable(() => {
    isDisposed = true;
    for (const subscription of subscriptions) subscription.dispose();
  });
}
