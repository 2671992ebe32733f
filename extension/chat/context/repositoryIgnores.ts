/** What git ignores in a folder by files outside of it. Knows no VS Code. */
import { posix } from "node:path";
import { type IgnoreFile, ignoreRules } from "./ignoreRules.js";

export interface RepositoryIgnores {
  /** Path of the asked folder from the repository's root, with slashes; empty for the root itself. */
  folder: string;
  /** The `.gitignore` files of the folders above it, the nearest first, and then `info/exclude`, which counts least. */
  files: IgnoreFile[];
}

/**
 * Looks for the repository that a folder is in. Where git ignores the folder itself, as a home folder that is a repository may, the
 * person who works in it means its files all the same: then nothing outside counts. What `core.excludesFile` names is not read.
 * @param folder an absolute path with slashes
 * @param read the text of a file; undefined where there is none
 */
export async function repositoryIgnores(
  folder: string,
  read: (path: string) => Promise<string | undefined>,
): Promise<RepositoryIgnores> {
  const nothing = { folder: "", files: [] };
  const found: { at: string; text: string }[] = [];
  for (let at = folder; ; ) {
    const gitFolder = await gitFolderOf(at, read);
    if (gitFolder !== undefined) {
      const root = at;
      const files = found.map(({ at: place, text }) => ({ folder: posix.relative(root, place), text }));
      const exclude = await read(posix.join(gitFolder, "info/exclude"));
      if (exclude !== undefined) files.push({ folder: "", text: exclude });
      const own = posix.relative(root, folder);
      return own !== "" && ignoreRules(files)(`${own}/`) ? nothing : { folder: own, files };
    }
    const above = posix.dirname(at);
    if (above === at) return nothing;
    at = above;
    const text = await read(posix.join(at, ".gitignore"));
    if (text !== undefined) found.push({ at, text });
  }
}

/** Where git keeps what concerns the repository whose root is `root`; undefined where that is no root. */
async function gitFolderOf(
  root: string,
  read: (path: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const dotGit = posix.join(root, ".git");
  if ((await read(posix.join(dotGit, "HEAD"))) !== undefined) return dotGit;
  // Of a submodule and of a further working tree it is a file.
  const named = /^gitdir: (.+)$/m.exec((await read(dotGit)) ?? "")?.[1]?.trim();
  if (named === undefined) return undefined;
  const own = posix.resolve(root, named.replaceAll("\\", "/").replace(/^(?=[A-Za-z]:)/, "/"));
  const common = (await read(posix.join(own, "commondir")))?.trim();
  return common === undefined ? own : posix.resolve(own, common.replaceAll("\\", "/").replace(/^(?=[A-Za-z]:)/, "/"));
}
