/** As much of VS Code as reads a workspace, over files in memory: `vi.mock("vscode", …)` gives it to unit tests. */
import { posix } from "node:path";
import { Disposable, Emitter } from "vscode-jsonrpc";

interface FakeUri {
  scheme: string;
  path: string;
  toString(): string;
}

const uriOf = (path: string): FakeUri => ({ scheme: "file", path, toString: () => `file://${path}` });

/** A relative pattern of VS Code. */
class RelativePattern {
  constructor(
    readonly folder: { uri: FakeUri },
    readonly pattern: string,
  ) {}
}

interface Watcher {
  glob: RegExp;
  created: Emitter<FakeUri>;
  changed: Emitter<FakeUri>;
  deleted: Emitter<FakeUri>;
}

const files = new Map<string, string>();
const watchers = new Set<Watcher>();
const granted = new Emitter<void>();
const configured = new Emitter<{ affectsConfiguration(section: string): boolean }>();
const never = () => Disposable.create(() => undefined);
const folder = { name: "work", uri: uriOf("/work") };
let prompts: unknown;

function textOf({ path }: FakeUri): string {
  fakeWorkspace.asked.push(path);
  const text = files.get(path);
  if (text === undefined) throw new Error(`There is no ${path}.`);
  return text;
}

/** `**` and `*`, as in a glob of VS Code; from a folder, or anywhere. */
function globOf(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("**/", "(?:.*/)?")
    .replaceAll(/(?<!\.)\*/g, "[^/]*");
  return new RegExp(`^${source}$`);
}

/** What a test does to the workspace, which is the folder `/work`, and sees of it. */
export const fakeWorkspace = {
  /** Paths of the files whose text or size was asked for, and the patterns that were searched for. */
  asked: [] as string[],
  /** Makes it anew. @param contents by absolute path */
  reset(contents: Readonly<Record<string, string>>, isTrusted: boolean): void {
    files.clear();
    for (const [path, text] of Object.entries(contents)) files.set(path, text);
    Object.assign(vscode.workspace, { isTrusted });
    fakeWorkspace.asked.length = 0;
    prompts = undefined;
  },
  /** Writes a file, as another program does; undefined deletes it. */
  write(path: string, text: string | undefined): void {
    const event = text === undefined ? "deleted" : files.has(path) ? "changed" : "created";
    if (text === undefined) files.delete(path);
    else files.set(path, text);
    for (const watcher of watchers) if (watcher.glob.test(path)) watcher[event].fire(uriOf(path));
  },
  grantTrust(): void {
    Object.assign(vscode.workspace, { isTrusted: true });
    granted.fire();
  },
  /** Changes the setting `flint.prompts`. */
  configure(value: unknown): void {
    prompts = value;
    configured.fire({ affectsConfiguration: (section) => section === "flint.prompts" });
  },
};

const workspace = {
  isTrusted: false,
  workspaceFolders: [folder],
  textDocuments: [],
  getWorkspaceFolder: ({ path }: FakeUri) => (path.startsWith("/work/") ? folder : undefined),
  asRelativePath: ({ path }: FakeUri) => posix.relative("/work", path),
  getConfiguration: () => ({ get: () => prompts }),
  onDidGrantWorkspaceTrust: granted.event,
  onDidChangeConfiguration: configured.event,
  onDidChangeWorkspaceFolders: never,
  onDidChangeTextDocument: never,
  createFileSystemWatcher(pattern: string) {
    const watcher = { glob: globOf(pattern), created: new Emitter<FakeUri>(), changed: new Emitter<FakeUri>() };
    const all: Watcher = { ...watcher, deleted: new Emitter<FakeUri>() };
    watchers.add(all);
    return {
      onDidCreate: all.created.event,
      onDidChange: all.changed.event,
      onDidDelete: all.deleted.event,
      dispose: () => watchers.delete(all),
    };
  },
  async findFiles(pattern: RelativePattern | string) {
    const [root, glob] = typeof pattern === "string" ? ["/work", pattern] : [pattern.folder.uri.path, pattern.pattern];
    fakeWorkspace.asked.push(glob);
    return [...files.keys()].filter((path) => globOf(glob).test(posix.relative(root, path))).map(uriOf);
  },
  fs: {
    stat: async (uri: FakeUri) => ({ size: textOf(uri).length, type: 1 }),
    readFile: async (uri: FakeUri) => new TextEncoder().encode(textOf(uri)),
  },
};

/** The module `vscode`. */
export const vscode = {
  Disposable: {
    from: (...all: readonly Disposable[]) =>
      Disposable.create(() => {
        for (const each of all) each.dispose();
      }),
  },
  EventEmitter: Emitter,
  FileType: { File: 1, Directory: 2 },
  RelativePattern,
  Uri: {
    file: uriOf,
    parse: (text: string) => uriOf(text.replace("file://", "")),
    joinPath: ({ path }: FakeUri, ...more: readonly string[]) => uriOf(posix.join(path, ...more)),
  },
  l10n: { t: (text: string) => text },
  window: {
    ...{ activeTextEditor: undefined, visibleTextEditors: [], tabGroups: { all: [] } },
    onDidChangeActiveTextEditor: never,
    onDidChangeVisibleTextEditors: never,
    onDidChangeTextEditorSelection: never,
    showInformationMessage: () => undefined,
  },
  workspace,
};
