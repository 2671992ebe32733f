import { join } from "node:path";
import * as vscode from "vscode";
import { CancellationToken } from "vscode-jsonrpc";
import { startSidecar } from "../engine-native/client.js";
import type { Action } from "../webview/messages.js";
import type { FlintApi } from "./api.js";
import { ChatSession, type Store } from "./chat/session.js";
import { ConversationFile } from "./chat/store.js";
import { ChatView } from "./chat/view.js";
import { Engine } from "./engine/engine.js";
import { InvalidSetting } from "./engine/errors.js";
import type { EngineSettings } from "./engine/state.js";
import { InlineProvider } from "./inline/provider.js";
import { Models } from "./models/models.js";
import { chooseNeurons } from "./models/neurons.js";
import { changeRamCap, raiseRamCap, updateSetting } from "./models/settings.js";
import { parseSettings } from "./settings.js";
import { showMenu } from "./status/menu.js";
import { toProblem, toStatus } from "./status/status.js";
import { StatusBar } from "./status/statusBar.js";
import { StatusFeed } from "./status/statusFeed.js";

/** To be waited for when the window closes. */
let unsaved: (() => Promise<void>) | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<FlintApi> {
  const output = vscode.window.createOutputChannel("Flint", { log: true });
  const warn = (line: string) => output.warn(line);

  const start = () =>
    startSidecar({
      scriptPath: join(context.extensionPath, "dist", "sidecar.js"),
      onLog: (line) => output.info(line),
    });
  const engine = new Engine({
    start,
    settings: readSettings,
    log: warn,
  });
  const feed = new StatusFeed(engine, readValidSettings, warn);
  const statusBar = new StatusBar("flint.showMenu");
  statusBar.show(feed.snapshot);

  const session = new ChatSession({
    engine,
    // A window without a folder has no storage of its own.
    store: await openStore(join((context.storageUri ?? context.globalStorageUri).fsPath, "chat.json"), warn),
    toProblem: (error) => toProblem(error, feed.snapshot.settings),
    log: warn,
  });
  unsaved = () => session.store();
  /** Lets `work` go on by itself; what goes wrong with it is in the log. */
  const run = (work: PromiseLike<unknown>): void => {
    work.then(undefined, (error: unknown) => output.error(String(error)));
  };
  const act = (action: Action): void => {
    switch (action.kind) {
      case "chooseModel":
        run(models.choose());
        break;
      case "askAgain":
        run(session.askAgain());
        break;
      case "restartEngine":
        engine.restart();
        break;
      case "loadAgain":
        run(engine.load());
        break;
      case "showLog":
        output.show();
        break;
      case "stopConversion":
        run(models.stopConversion());
        break;
      case "raiseCap":
        run(raiseRamCap(action.bytes));
        break;
      case "useContext":
        run(updateSetting("contextSize", action.tokens));
        break;
      case "openSetting":
        run(vscode.commands.executeCommand("workbench.action.openSettings", action.setting));
        break;
    }
  };
  const chat = new ChatView({
    extensionUri: context.extensionUri,
    session,
    status: () => toStatus(feed.snapshot),
    onDidChangeStatus: feed.onDidChange,
    // Half of the context: a token of code is some three characters, and the answer wants room as well.
    longestAttachment: () => Math.round((engine.plan?.contextTokens ?? 4096) * 0.5 * 3),
    act,
    onShown: () => engine.warmUp(),
    log: warn,
  });

  const models = new Models({
    engine,
    startSidecar: start,
    secrets: context.secrets,
    settings: readValidSettings,
    ask: () => chat.focus(),
    log: warn,
  });

  const command = (name: string, handler: () => unknown) => vscode.commands.registerCommand(`flint.${name}`, handler);
  context.subscriptions.push(
    engine,
    feed,
    statusBar,
    session,
    chat,
    models,
    feed.onDidChange((snapshot) => statusBar.show(snapshot)),
    session.onDidChange(() =>
      run(vscode.commands.executeCommand("setContext", "flint.answering", session.isAnswering)),
    ),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("flint")) engine.settingsChanged();
    }),
    // In a workspace that was not trusted before, its own `flint.model` counts from now on.
    vscode.workspace.onDidGrantWorkspaceTrust(() => engine.settingsChanged()),
    vscode.languages.registerInlineCompletionItemProvider(
      ["file", "untitled", "vscode-notebook-cell", "vscode-vfs"].map((scheme) => ({ scheme })),
      new InlineProvider(engine, warn),
    ),
    command("changeRamCap", changeRamCap),
    command("chooseNeurons", () => chooseNeurons(readValidSettings())),
    command("newChat", async () => {
      session.clear();
      await chat.focus();
    }),
    command("stop", () => session.stop()),
    command("restartEngine", () => engine.restart()),
    command("showLog", () => output.show()),
    command("showMenu", showMenu),
  );

  const didChangeState = new vscode.EventEmitter<string>();
  context.subscriptions.push(
    didChangeState,
    engine.onDidChangeState(({ kind }) => didChangeState.fire(kind)),
    // The last to go: the others may have something to say as they end.
    output,
  );
  return {
    engine: {
      pid: () => engine.pid,
      state: () => engine.state.kind,
      load: () => engine.load(),
      chat: (messages, onText, token) => engine.chat({ messages }, onText, token),
      complete: (prefix, maximumTokens, token = CancellationToken.None) =>
        engine.complete({ prefix, maximumTokens }, token),
      onDidChangeState: didChangeState.event,
    },
  };
}

export async function deactivate(): Promise<void> {
  await unsaved?.();
}

/** The conversation of `file`; where the disk fails it lives as long as the window. */
async function openStore(file: string, warn: (line: string) => void): Promise<Store> {
  try {
    return await ConversationFile.open(file);
  } catch (error) {
    warn(`The conversation will not be kept: ${String(error)}`);
    return { messages: [], write: () => Promise.resolve() };
  }
}

/** @throws InvalidSetting */
function readSettings(): EngineSettings | undefined {
  const configuration = vscode.workspace.getConfiguration("flint");
  const raw = {
    model: configuration.get<unknown>("model"),
    ramCap: configuration.get<unknown>("ramCap"),
    contextSize: configuration.get<unknown>("contextSize"),
    draftModel: configuration.get<unknown>("draftModel"),
    inlineModel: configuration.get<unknown>("inlineModel"),
    predictedModels: configuration.get<unknown>("predictedModels"),
  };
  return parseSettings(raw, vscode.workspace.workspaceFolders?.[0]?.uri.fsPath);
}

/** The settings where they make sense; that they don't is told by the engine's state. */
function readValidSettings(): EngineSettings | undefined {
  try {
    return readSettings();
  } catch (error) {
    if (error instanceof InvalidSetting) return undefined;
    throw error;
  }
}
