import { posix } from "node:path";
import * as vscode from "vscode";
import { decodeText } from "../context/decode.js";
import { mergeTemplates, type PromptTemplate, templateOfFile, templatesOfSetting } from "./templates.js";

/** A project's own templates. */
const pattern = ".flint/prompts/*.md";
const mostFiles = 100;
/** In bytes: larger files are no templates. */
const largestFile = 100_000;

/** All templates: the built-in ones, those of the settings, and in a trusted workspace those of its folders. */
export class TemplateStore implements vscode.Disposable {
  private readonly didChange = new vscode.EventEmitter<void>();
  readonly onDidChange = this.didChange.event;
  private fromFiles: PromptTemplate[] = [];
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly log: (line: string) => void) {
    const watcher = vscode.workspace.createFileSystemWatcher(`**/${pattern}`);
    const read = () => void this.readFiles();
    this.subscriptions = [
      this.didChange,
      watcher,
      watcher.onDidCreate(read),
      watcher.onDidChange(read),
      watcher.onDidDelete(read),
      vscode.workspace.onDidGrantWorkspaceTrust(read),
      vscode.workspace.onDidChangeWorkspaceFolders(read),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("flint.prompts")) this.didChange.fire();
      }),
    ];
    read();
  }

  /** As they are now. */
  get templates(): PromptTemplate[] {
    const setting = vscode.workspace.getConfiguration("flint").get<unknown>("prompts");
    return mergeTemplates(templatesOfSetting(setting), this.fromFiles);
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async readFiles(): Promise<void> {
    try {
      this.fromFiles = vscode.workspace.isTrusted ? await readAll() : [];
      this.didChange.fire();
    } catch (error) {
      this.log(`Prompt templates could not be read: ${String(error)}`);
    }
  }
}

async function readAll(): Promise<PromptTemplate[]> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const found = folders.map((folder) =>
    vscode.workspace.findFiles(new vscode.RelativePattern(folder, pattern), null, mostFiles),
  );
  const uris = (await Promise.all(found)).flat().sort((a, b) => (a.path < b.path ? -1 : 1));
  const templates = await Promise.all(
    uris.map(async (uri) => {
      const { size } = await vscode.workspace.fs.stat(uri);
      const text = size > largestFile ? undefined : decodeText(await vscode.workspace.fs.readFile(uri));
      return text === undefined ? undefined : templateOfFile(posix.basename(uri.path), text);
    }),
  );
  return templates.filter((template) => template !== undefined);
}
