import * as vscode from "vscode";
import { type ModelRecord, modelName } from "../../models/record.js";
import { Sources } from "../../models/sources/source.js";
import type { Sidecar } from "../../protocol/client.js";
import { followMove } from "../config/followMove.js";
import { readModelPaths, readModelsFolder, readRamCapBytes, readRemoteModel } from "../config/read.js";
import { updateModelPaths, updateSetting } from "../config/write.js";
import type { EngineClient } from "../engine/engine.js";
import { Cancelled } from "../engine/errors.js";
import type { EngineSettings } from "../engine/state.js";
import { diskSize } from "../numbers.js";
import { chooseModel } from "./chooseModel.js";
import { ConversionFlow } from "./conversionFlow.js";
import { Conversions } from "./conversions.js";
import { deleteWithError } from "./deletion.js";
import { downloadFlow } from "./downloadFlow.js";
import { DownloadNotifications } from "./downloadNotifications.js";
import { Downloads } from "./downloads.js";
import { HubToken } from "./hubToken.js";
import { InlineModel } from "./inlineModel.js";
import { chooseModelFile } from "./modelFile.js";
import { ModelsView, type Node } from "./modelsView.js";
import { offerToMove } from "./moveModels.js";
import type { RemoteModels } from "./remoteModels.js";
import { verifyWithError } from "./verification.js";

/** How often downloads of other windows are checked, in ms. */
const recheckMs = 2000;

export interface ModelsOptions {
  engine: EngineClient;
  remote: RemoteModels;
  /** Starts a sidecar besides the engine's. */
  startSidecar(): Promise<Sidecar>;
  secrets: vscode.SecretStorage;
  /** The settings of the engine; undefined if they are invalid. */
  settings(): EngineSettings | undefined;
  /** Opens the chat, with the cursor where a question is typed. */
  ask(): Promise<void>;
  log(line: string): void;
}

/** The models in VS Code: the view, what can be done in it, and what goes on in the background. */
export class Models implements vscode.Disposable {
  private readonly downloads: Downloads;
  private readonly conversions: Conversions;
  private readonly flow: ConversionFlow;
  private readonly notifications: DownloadNotifications;
  private readonly view: ModelsView;
  private readonly inline: InlineModel;
  private readonly token: HubToken;
  private folder = readModelsFolder();
  private timer: NodeJS.Timeout | undefined;
  private disposed = false;
  private readonly subscriptions: vscode.Disposable[];
  private readonly didChange = new vscode.EventEmitter<void>();
  /** Fires when a download or a conversion has changed what there is. */
  readonly onDidChange: vscode.Event<void> = this.didChange.event;

  constructor(private readonly options: ModelsOptions) {
    const { log } = options;
    this.inline = new InlineModel(options);
    this.token = new HubToken(options.secrets, (token, signal) => sourcesWith(token).hub.knowsToken(signal));
    this.downloads = new Downloads({ log, http: async (client) => (await this.sources()).http(client) });
    this.conversions = new Conversions({
      start: options.startSidecar,
      ramCapBytes: readRamCapBytes,
      leaseMemory: (source, signal) => options.engine.leaseMemory(source, signal),
    });
    this.flow = new ConversionFlow({
      ...{ conversions: this.conversions, planConversion: this.planConversion, inUse: this.inUse, log },
      use: (path) => this.load(path),
      ask: options.ask,
    });
    this.notifications = new DownloadNotifications({
      ...{ downloads: this.downloads, conversions: this.flow, inline: this.inline, ask: options.ask },
      load: (path, role) => this.load(path, role),
      use: (path) => this.use(path),
      again: (record) => this.start(record),
      askToken: () => this.token.ask(),
    });
    const { downloads, conversions } = this;
    this.view = new ModelsView({
      downloads,
      conversions,
      folder: () => this.folder,
      uses: () => this.inline.uses,
      log,
    });
    this.subscriptions = [
      this.didChange,
      // Progress names what goes on; without it something has ended.
      ...[downloads, conversions].map((tasks) => tasks.onDidChange((task) => task || this.didChange.fire())),
      this.inline,
      this.inline.onDidChange(() => this.view.refresh()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("flint.modelsFolder")) void this.folderChanged();
        if (["model", "inlineModel"].some((name) => change.affectsConfiguration(`flint.${name}`))) this.view.refresh();
      }),
    ];
    void this.resumeUnfinished();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.view.dispose();
    this.downloads.dispose();
    this.conversions.dispose();
  }

  /** Lets the person find and download a model. */
  async download(): Promise<void> {
    await downloadFlow({
      sources: () => this.sources(),
      planners: {
        plan: (modelPath) => this.options.engine.planOf({ modelPath, ramCapBytes: readRamCapBytes() }),
        planConversion: this.planConversion,
        planInline: (modelPath) => this.inline.planBeside(modelPath),
      },
      ramCapBytes: readRamCapBytes(),
      folder: this.folder.path,
      start: (record) => this.start(record),
      use: (path) => this.use(path),
      chooseFile: chooseModelFile,
      askToken: () => this.token.ask(),
      log: this.options.log,
    });
  }

  /** Lets the person choose the chat model; if there is none on this machine, download one. */
  async choose(): Promise<void> {
    await chooseModel(await this.view.getChildren(), this.inline.uses, {
      title: vscode.l10n.t("Choose a model"),
      others: [
        { label: vscode.l10n.t("$(cloud-download) Download a model…"), run: () => this.download() },
        { label: vscode.l10n.t("$(file) A file on this machine…"), run: chooseModelFile },
      ],
      use: (path) => this.use(path),
      remote: await this.options.remote.items(readRemoteModel("model"), (value) => this.use(value)),
      none: () => this.download(),
    });
  }

  useNode(node: Node | undefined): Promise<void> {
    return this.use(pathOf(node));
  }

  /** As {@link choose}, for inline suggestions. */
  async chooseInline(): Promise<void> {
    // Nothing of another machine has to fit beside the chat model.
    const used = readRemoteModel("inlineModel");
    const remote = await this.options.remote.items(used, (value) => updateSetting("inlineModel", value));
    await this.inline.choose(await this.view.getChildren(), remote, () => this.download());
  }

  useForInline(node: Node | undefined): Promise<void> {
    return this.inline.use(pathOf(node));
  }

  useChatModelForInline(): Promise<void> {
    return this.inline.useChatModel();
  }

  askToken(): Promise<boolean> {
    return this.token.ask();
  }

  refresh(): void {
    this.view.refresh();
  }

  async copyPath(node: Node | undefined): Promise<void> {
    await vscode.env.clipboard.writeText(pathOf(node) ?? "");
  }

  private readonly inUse = () => this.inline.uses.chat;

  private readonly planConversion = (modelPath: string) =>
    this.options.engine.planConversion({ modelPath, ramCapBytes: readRamCapBytes() });

  private async use(path: string | undefined): Promise<void> {
    if (path !== undefined) await updateSetting("model", path);
  }

  /** Makes it the chat, inline or draft model, by its role, and loads it. */
  private async load(path: string, role?: ModelRecord["role"]): Promise<void> {
    if (role === "draft") await updateSetting("draftModel", path);
    else await (role === "inline" ? this.inline.use(path) : this.use(path));
    await this.options.engine.load().catch((error: unknown) => {
      // Told in the chat and the status bar, with what would help.
      if (!(error instanceof Cancelled)) this.options.log(`loading ${path}: ${String(error)}`);
    });
  }

  private async sources(): Promise<Sources> {
    return sourcesWith(await this.token.get());
  }

  /**
   * Resumes downloads and conversions that a closed window has left. Those of other windows are checked again later: such a
   * window may close, and its extension host outlives it for some seconds.
   */
  private async resumeUnfinished(): Promise<void> {
    try {
      const models = await this.folder.list();
      for (const { state, busy, record } of models) {
        if (state === "partial" && !busy && record && !record.paused) this.start(record);
      }
      const converting = await this.flow.resumeUnfinished(this.folder, models);
      const elsewhere = models.some(({ name, busy }) => busy && !this.downloads.get(this.folder.model(name)));
      if (!(elsewhere || converting) || this.disposed) return;
      this.view.refresh();
      this.timer = setTimeout(() => void this.resumeUnfinished(), recheckMs);
    } catch (error) {
      this.options.log(`downloads: ${String(error)}`);
    }
  }

  private start(record: ModelRecord): void {
    void this.notifications.start(this.folder.model(modelName(record)), record);
  }

  async pause(node: Node | { name: string } | undefined): Promise<void> {
    const name = nameOf(node);
    if (name !== undefined) await this.downloads.pause(this.folder.model(name));
  }

  resume(node: Node | undefined): void {
    if (node?.kind === "own" && node.model.record) this.start(node.model.record);
  }

  async cancel(node: Node | undefined): Promise<void> {
    const name = nameOf(node);
    if (name !== undefined) await this.downloads.cancel(this.folder.model(name));
  }

  async verify(node: Node | undefined): Promise<void> {
    if (node?.kind !== "own") return;
    await verifyWithError(this.folder, node.model);
    this.view.refresh();
  }

  async delete(node: Node | undefined): Promise<void> {
    if (node?.kind !== "own") return;
    const { model } = node;
    const question = vscode.l10n.t("Delete {0}?", model.name);
    const { chat, inline } = this.inline.uses;
    const suggests = model.path === inline ? vscode.l10n.t(" The chat model will make the suggestions.") : "";
    const used = model.path === chat ? vscode.l10n.t(" It is the chat model.") : suggests;
    const detail = vscode.l10n.t("This frees {0}.{1}", diskSize(model.bytes), used);
    const remove = vscode.l10n.t("Delete");
    if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, remove)) !== remove) return;
    if ((await deleteWithError(this.folder, model)) && suggests) await this.inline.useChatModel();
    this.view.refresh();
  }

  async reveal(node: Node | undefined): Promise<void> {
    const path = pathOf(node);
    if (path !== undefined) await vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(path));
  }

  async convert(node: Node | undefined): Promise<void> {
    if (node?.kind === "own") await this.flow.offer(this.folder, node.model);
  }

  /** Stops the conversion of a model; without one, the conversion for which the model in use is unloaded. */
  async stopConversion(node?: Node): Promise<void> {
    const name = nameOf(node);
    await (name === undefined ? this.conversions.stopCurrent() : this.conversions.stop(this.folder.model(name)));
  }

  /** Switches to the folder that the setting names now, and offers to move the models there. */
  private async folderChanged(): Promise<void> {
    const from = this.folder;
    const to = readModelsFolder();
    if (from.path === to.path) return;
    this.folder = to;
    this.view.watch();
    await followMove(await offerToMove(from, to), { read: readModelPaths, update: updateModelPaths });
    this.view.refresh();
  }
}

function sourcesWith(token: string | undefined): Sources {
  // In the extension host `fetch` is VS Code's own: its proxy, its certificates.
  return new Sources({ fetch: globalThis.fetch, token });
}

function nameOf(node: Node | { name: string } | undefined): string | undefined {
  if (!node) return undefined;
  if ("name" in node) return node.name;
  return node.kind === "own" ? node.model.name : undefined;
}

function pathOf(node: Node | undefined): string | undefined {
  return node?.kind === "own" || node?.kind === "found" ? node.model.path : undefined;
}
