/** Puts the parts of the extension together. */
// Before the modules that have translated texts.

import { join } from "node:path";
import * as vscode from "vscode";
import { findGpuLibraries } from "../models/gpu/libraries.js";
import { startSidecar } from "../protocol/client.js";
import type { GpuLibraries } from "../protocol/gpu.js";
import { platformProblem } from "../protocol/platformCheck.js";
import { promptSeconds } from "../protocol/promptEstimate.js";
import { createApi, type FlintApi } from "./api.js";
import { ChosenBackend } from "./backends/chosen.js";
import { RemoteBackends } from "./backends/remote/remoteBackends.js";
import { SidecarBackend } from "./backends/sidecar.js";
import { registerCodeActions } from "./chat/actions/codeActions.js";
import { CommitMessages } from "./chat/commitMessage/commitMessage.js";
import { PendingContext } from "./chat/context/pending.js";
import { attachedBefore } from "./chat/context/sources/files.js";
import { followChanges } from "./chat/context/sources/git.js";
import { Proposals } from "./chat/edits/proposals.js";
import { InlineEdits } from "./chat/inlineEdit/inlineEdit.js";
import { followEditors } from "./chat/meantEditor.js";
import { ChatView } from "./chat/panel/view.js";
import { AttachedFile } from "./chat/sessions/attachedFile.js";
import { Conversations } from "./chat/sessions/conversations.js";
import { WindowPlace } from "./chat/sessions/windowPlace.js";
import { TemplateStore } from "./chat/templates/templateStore.js";
import { perform } from "./commands/actions.js";
import type { FlintContext } from "./commands/context.js";
import { tellDamaged, tellMerged, tellOfLongAnswers } from "./commands/conversations.js";
import { registerCommands } from "./commands/table.js";
import {
  onDidChangeGpu,
  onDidChangeSettings,
  readBackends,
  readGpu,
  readKvCacheIsOff,
  readModelsFolder,
  readRamCapBytes,
  readRemoteModel,
  readSettings,
  readThinking,
  readValidSettings,
} from "./config/read.js";
import { EngineClient } from "./engine/engine.js";
import { KvCacheFolder } from "./engine/kvCache.js";
import { InlineSuggestions } from "./inline/inline.js";
import { OfferedModels } from "./languageModels/offered.js";
import { registerLanguageModels } from "./languageModels/register.js";
import { offeredRemotes } from "./languageModels/remotes.js";
import { Models } from "./models/models.js";
import { backendKey, RemoteModels } from "./models/remoteModels.js";
import { EngineServer } from "./serving/engineServer.js";
import { remoteState } from "./status/remoteState.js";
import { type Snapshot, thinkingOf, toProblem, toStatus } from "./status/status.js";
import { StatusBar } from "./status/statusBar.js";
import { StatusFeed } from "./status/statusFeed.js";
import { waitText } from "./status/wait.js";
import { display } from "./translations.js";

/** Which place among the windows with the same storage this one had. */
const windowPlaceKey = "flint.windowPlace";

/** To be waited for when the window closes. */
let storeAll: (() => Promise<unknown>) | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<FlintApi> {
  const { subscriptions, extensionPath, extensionUri, secrets } = context;
  const output = vscode.window.createOutputChannel("Flint", { log: true });
  const log = (line: string) => output.warn(line);
  // To start the engine fails with the same words.
  const problem = platformProblem(extensionPath);
  if (problem !== undefined) void vscode.window.showErrorMessage(problem);
  const start = (gpu?: GpuLibraries) =>
    startSidecar({
      scriptPath: join(extensionPath, "dist", "sidecar.js"),
      onLog: (line) => output.info(line),
      ...{ gpu, display },
    });

  // Not in the workspace's storage: all windows share its budget.
  const kvCacheFolder = join(context.globalStorageUri.fsPath, "kv-cache");
  const engine = new EngineClient({
    start: async (gpuAllowed) =>
      start(gpuAllowed && readGpu() === "auto" ? await findGpuLibraries(extensionPath) : undefined),
    settings: readSettings,
    kvCacheFolder,
    log,
  });
  const kvCache = new KvCacheFolder(kvCacheFolder, engine);
  const logFailure = (error: unknown) => log(`KV cache: ${String(error)}`);
  const clearWhereOff = () => {
    if (readKvCacheIsOff()) kvCache.clear().catch(logFailure);
  };
  clearWhereOff();
  const local = new SidecarBackend(engine);
  const backends = new RemoteBackends({ settings: readBackends, key: (name) => backendKey(secrets, name) });
  const remote = new RemoteModels(secrets, backends);
  const remoteOf = (name: "model" | "inlineModel") => {
    const reference = readRemoteModel(name);
    return reference && backends.of(reference);
  };
  const backend = new ChosenBackend({
    local,
    remoteChat: () => remoteOf("model"),
    // A model of this machine for suggestions goes before another machine's chat model.
    remoteInline: () => remoteOf("inlineModel") ?? (readValidSettings() ? undefined : remoteOf("model")),
  });
  const server = new EngineServer({
    engine,
    models: async () => {
      const { ServedModels } = await import("../server/servedModels.js");
      return ServedModels.inFolder(readModelsFolder, () => readValidSettings()?.modelPath);
    },
    version: String(context.extension.packageJSON.version),
    log: (line) => log(`server: ${line}`),
  });
  const feed = new StatusFeed(engine, readValidSettings, log, () => ({
    remote: remoteState(readRemoteModel("model"), backends),
    remoteInline: remoteState(readRemoteModel("inlineModel"), backends),
    serverAddress: server.address,
  }));
  const statusBar = new StatusBar("flint.showMenu");
  statusBar.show(feed.snapshot);
  let hasModel: boolean | undefined;
  /** The walkthrough ticks a step by it. */
  const tellHasModel = ({ settings }: Snapshot) => {
    if (hasModel === (settings !== undefined)) return;
    hasModel = settings !== undefined;
    void vscode.commands.executeCommand("setContext", "flint.hasModel", hasModel);
  };
  tellHasModel(feed.snapshot);

  // A window without a folder has no storage of its own.
  const storage = (context.storageUri ?? context.globalStorageUri).fsPath;
  const place = await WindowPlace.take(storage, context.workspaceState.get<number>(windowPlaceKey), log);
  void context.workspaceState.update(windowPlaceKey, place.number);
  const conversations = await Conversations.open({
    storage,
    window: place,
    backend,
    measured: () => engine.loaded?.plan?.measured,
    thinking: readThinking,
    toProblem: (error) => toProblem(error, feed.snapshot.settings),
    log,
    onDamaged: tellDamaged,
    onMerged: tellMerged,
    onDeleted: (id) => void kvCache.forget(id).catch(logFailure),
  });

  const pending = new PendingContext({
    backend,
    conversation: () => conversations.current.messages,
    wait: (promptTokens, mostKept) => {
      const kept = Math.min(engine.tokensReadOf(conversations.current.id), mostKept);
      return waitText(promptSeconds(promptTokens - kept, engine));
    },
    log,
  });
  const attached = await AttachedFile.open(place.file("attached"), log);
  pending.restore(
    attached.before.map(({ key, label, icon, uri, ...content }) => ({
      source: attachedBefore({ key, label, icon, uri }, content),
      content,
    })),
  );
  storeAll = async () => {
    await Promise.all([conversations.store(), attached.store(pending.attached)]);
    await place.release();
  };
  const templates = new TemplateStore(log);
  const proposals = new Proposals();
  const chat = new ChatView({
    extensionUri,
    proposals,
    conversations,
    pending,
    templates,
    status: () => ({ ...toStatus(feed.snapshot), thinking: thinkingOf(feed.snapshot, readThinking()) }),
    onDidChangeStatus: feed.onDidChange,
    act: (action) => perform(action, flint),
    onShown: () => backend.warmUp(),
    log,
  });
  const models = new Models({
    engine,
    startSidecar: () => start(),
    remote,
    secrets,
    settings: readValidSettings,
    ask: () => chat.focus(),
    log,
  });
  const inline = new InlineSuggestions(backend, context.globalState, join(extensionPath, "dist", "grammars"), log);
  const commitMessages = new CommitMessages(backend, () => templates.templates.find(({ name }) => name === "commit"));
  const edits = new InlineEdits(backend);
  const offered = new OfferedModels({
    folder: readModelsFolder,
    chosen: () => readValidSettings()?.modelPath,
    ramCapBytes: readRamCapBytes,
    contextTokens: () => readValidSettings()?.contextTokens,
    plan: ({ modelPath, contextTokens }) =>
      engine.planOf({
        ...(readSettings(modelPath) ?? { modelPath, ramCapBytes: readRamCapBytes() }),
        ...(contextTokens === undefined ? {} : { contextTokens }),
      }),
    inspect: (modelPath) => engine.inspect(modelPath),
    backendOf: (model) => new SidecarBackend(engine, model),
    version: `${context.extension.packageJSON.version} ${vscode.env.language}`,
    memento: context.globalState,
    log,
  });
  const didChangeOffer = new vscode.EventEmitter<void>();
  const flint: FlintContext = {
    ...{
      extensionPath,
      output,
      engine,
      kvCache,
      conversations,
      chat,
      templates,
      commitMessages,
      edits,
      models,
      remote,
      inline,
      proposals,
      server,
    },
  };

  subscriptions.push(
    server,
    server.onDidChange(() => {
      feed.refresh();
      void vscode.commands.executeCommand("setContext", "flint.serverRuns", server.address !== undefined);
    }),
    engine,
    feed,
    statusBar,
    conversations,
    pending,
    pending.onDidAttach(() => void attached.store(pending.attached)),
    templates,
    commitMessages,
    edits,
    engine.onDidChangeState(({ kind }) => {
      if (kind !== "reading" && kind !== "answering") pending.modelChanged();
    }),
    proposals,
    chat,
    models,
    feed.onDidChange((snapshot) => {
      statusBar.show(snapshot);
      tellHasModel(snapshot);
    }),
    onDidChangeSettings(() => engine.settingsChanged()),
    onDidChangeSettings(clearWhereOff),
    onDidChangeGpu(() => engine.restart()),
    inline,
    didChangeOffer,
    backends,
    backends.onDidChange(() => feed.refresh()),
    onDidChangeSettings(() => {
      backends.forget();
      feed.refresh();
      didChangeOffer.fire();
    }),
    models.onDidChange(() => didChangeOffer.fire()),
    registerLanguageModels({
      models: async (silent) => [...(await offered.list()), ...(await offeredRemotes(remote, backends, silent, log))],
      onDidChange: didChangeOffer.event,
      describe: (error) => toProblem(error, feed.snapshot.settings).message,
      memento: context.globalState,
      log,
    }),
    followEditors(),
    followChanges((has) => void vscode.commands.executeCommand("setContext", "flint.hasChanges", has)),
    registerCommands(flint),
    tellOfLongAnswers(flint),
    // Another window may have gone on with the conversation.
    vscode.window.onDidChangeWindowState(({ focused }) => void (focused && conversations.refresh())),
    registerCodeActions(),
  );
  const api = createApi(engine, local, proposals, subscriptions);
  // The last to go: the others may have something to say as they end.
  subscriptions.push(output);
  return api;
}

export async function deactivate(): Promise<void> {
  await storeAll?.();
}
