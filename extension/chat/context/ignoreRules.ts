import ignore from "ignore";

/** A `.gitignore`, or another file of its form. */
export interface IgnoreFile {
  /** The folder that it is for, from the root, with slashes; empty for the root itself. */
  folder: string;
  text: string;
}

/**
 * Whether git would ignore a file, by the `.gitignore` files of its folders. Of two files for one folder the first counts before the
 * second.
 * @returns a function that takes a path from the root, with slashes
 */
export function ignoreRules(files: readonly IgnoreFile[]): (path: string) => boolean {
  // The rules of a folder count before those of the folders above it.
  const rules = [...files]
    .sort((a, b) => b.folder.length - a.folder.length)
    .map(({ folder, text }) => ({ prefix: folder === "" ? "" : `${folder}/`, rules: ignore().add(text) }));
  return (path) => {
    for (const { prefix, rules: own } of rules) {
      if (!path.startsWith(prefix) || path === prefix) continue;
      const { ignored, unignored } = own.test(path.slice(prefix.length));
      if (ignored) return true;
      if (unignored) return false;
    }
    return false;
  };
}
