/** Names that stand for any file. */
const placeholders =
  /^(?:original|modified|old|new|before|after|updated|file|filename|example|path|to|yourfile|your_file|code|input|output|source|current|target|main_file)$/i;

/** Models write the ending that most files of a language have: `.js` stands for `.cjs` and `.mjs`, and `.ts` for theirs. */
const parts = (path: string) =>
  path
    .replaceAll("\\", "/")
    .replace(/\.[cm](?=[jt]sx?$)/, ".")
    .split("/")
    .filter((part) => part !== "" && part !== ".");

/** Whether `named`, as a model writes a path, may be the file at `path`: the one ends with the other, or it is no real name. */
export function isPathOf(named: string, path: string): boolean {
  const clean = named
    .trim()
    .replace(/^["'`]|["'`]$/g, "")
    .replace(/\t.*$/, "");
  if (clean === "/dev/null") return true;
  const ours = parts(path);
  const theirs = parts(clean);
  const stripped = /^[ab]$/.test(theirs[0] ?? "") && theirs.length > 1 ? theirs.slice(1) : theirs;
  const last = stripped.at(-1) ?? "";
  if (placeholders.test(last.replace(/\.\w+$/, "")))
    return !ours.includes(last) ? last.replace(/\.\w+$/, "") !== "" : endsAlike(ours, stripped);
  return endsAlike(ours, stripped);
}

/** Whether one path is the other's end, with the endings of a language taken as one. */
export const isAlike = (named: string, path: string): boolean => endsAlike(parts(named), parts(path));

function endsAlike(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length > 0 && short.every((part, index) => part === long[long.length - short.length + index]);
}

/** The path that a line consists of, perhaps behind a comment's mark or "File:". */
export function pathIn(line: string): string | undefined {
  const form =
    /^\s*(?:\/\/+|#+|--|\/\*+|<!--|\*+|;+)?\s*(?:[Ff]ile(?:name)?\s*:?|[Pp]ath\s*:)?\s*[`"'*]*([\w@.()[\]-]*(?:[\\/][\w@.()[\] -]+)*\.\w{1,10}|(?:[\w.-]+\/)+[\w.-]+|Makefile|Dockerfile)[`"'*]*:?\s*(?:\*\/|-->)?\s*$/;
  return form.exec(line)?.[1];
}
