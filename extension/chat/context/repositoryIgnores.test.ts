import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ignoreRules } from "./ignoreRules.js";
import { repositoryIgnores } from "./repositoryIgnores.js";

let root: string;
const git = (cwd: string, ...args: string[]) => promisify(execFile)("git", args, { cwd });
const read = (file: string) => readFile(file, "utf8").catch(() => undefined);
const withSlashes = (file: string) => file.split(path.sep).join("/");

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  }
}

/** Of some paths of a folder, those that are ignored by what lies outside of it. */
async function ignored(folder: string, paths: string[]): Promise<string[]> {
  const { folder: own, files } = await repositoryIgnores(withSlashes(path.join(root, folder)), read);
  const isIgnored = ignoreRules(files);
  return paths.filter((each) => isIgnored(path.posix.join(own, each)));
}

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "flint-ignores-"));
  await write({
    ".gitignore": "above.txt\n",
    "repository/.gitignore": "*.log\n/packages/one/generated/\n/ignored/\n",
    "repository/packages/.gitignore": "!kept.log\n*.local\n",
    "repository/packages/one/a.ts": "",
  });
  const repository = path.join(root, "repository");
  await git(repository, "init", "--quiet");
  await write({ "repository/.git/info/exclude": "mine.*\n!a.log\n" });
  await git(repository, "add", ".");
  await git(repository, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "First");
  await git(repository, "worktree", "add", "--quiet", "../tree");
});

afterAll(() => rm(root, { recursive: true, force: true }));

const paths = ["a.ts", "a.log", "kept.log", "b.local", "generated/b.ts", "mine.txt", "above.txt"];
const wanted = ["a.log", "b.local", "generated/b.ts", "mine.txt"];

test("the rules of the folders above count up to the repository's root, and info/exclude least", async () => {
  expect(await ignored("repository/packages/one", paths)).toEqual(wanted);
});

test("a further working tree has the same info/exclude", async () => {
  expect(await ignored("tree/packages/one", paths)).toEqual(wanted);
});

test("the root has only info/exclude above it", async () => {
  expect(await ignored("repository", paths)).toEqual(["mine.txt"]);
});

test("in a folder that git ignores, and in none of a repository, nothing outside counts", async () => {
  await write({ "ignored/nothing.txt": "" });
  expect(await ignored("repository/ignored/deep", paths)).toEqual([]);
  expect(await ignored("elsewhere", paths)).toEqual([]);
});
