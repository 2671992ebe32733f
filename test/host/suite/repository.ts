import { writeFile } from "node:fs/promises";
import path from "node:path";
import * as vscode from "vscode";

/** What the tests use of a repository of VS Code's git extension. */
interface Repository {
  readonly inputBox: { value: string };
  add(paths: string[]): Promise<void>;
  revert(paths: string[]): Promise<void>;
}
interface GitApi {
  readonly state: "uninitialized" | "initialized";
  readonly onDidChangeState: vscode.Event<string>;
  init(root: vscode.Uri): Promise<Repository | null>;
}

export interface TestRepository {
  readonly inputBox: { value: string };
  /** Stages the new files, as they were at first. */
  stage(): Promise<void>;
  /** Takes what was staged back, also in the files. */
  unstage(): Promise<void>;
}

/** Makes a folder a repository, and stages new files in it. */
export async function stagedChange(root: string, files: Record<string, string>): Promise<TestRepository> {
  const git = vscode.extensions.getExtension<{ getAPI(version: 1): GitApi }>("vscode.git");
  if (!git) throw new Error("The git extension is not there.");
  const api = (await git.activate()).getAPI(1);
  await new Promise<void>((resolve) => {
    if (api.state === "initialized") resolve();
    else api.onDidChangeState(() => resolve());
  });
  const repository = await api.init(vscode.Uri.file(root));
  if (!repository) throw new Error("git made no repository.");
  const paths = Object.keys(files).map((name) => path.join(root, name));
  const write = async () => {
    for (const [name, content] of Object.entries(files)) await writeFile(path.join(root, name), content);
  };
  const stage = async () => {
    await write();
    await repository.add(paths);
  };
  await stage();
  const unstage = async () => {
    // git unstages no new file whose content is nowhere else.
    await write();
    await repository.revert(paths);
  };
  return { inputBox: repository.inputBox, stage, unstage };
}
