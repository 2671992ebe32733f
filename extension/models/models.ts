/** Models in VS Code: the view, its actions, downloads and where they are told. */
import { totalmem } from "node:os";
import { basename } from "node:path";
import * as vscode from "vscode";
import type { Sidecar } from "../../engine-native/client.js";
import { type Conversion, newConversion } from "../../engine-native/download/conversion.js";
import { gigabytes } from "../../engine-native/download/disk.js";
import { DownloadError } from "../../engine-native/download/errors.js";
import { listLibrary } from "../../engine-native/download/library.js";
import type { ModelRecord } from "../../engine-native/download/record.js";
import { Sources } from "../../engine-native/download/source.js";
import type { ConvertResult } from "../../engine-native/protocol.js";
import { formatSize } from "../../engine-native/size.js";
import type { Engine } from "../engine/engine.js";
import { Cancelled } from "../engine/errors.js";
import type { EngineSettings } from "../engine/state.js";
import { parseRamCap } from "../settings.js";
import { chooseModel } from "./chooseModel.js";
import { ConversionFlow } from "./conversionFlow.js";
import { Conversions } from "./conversions.js";
import { deleteOrTell } from "./deletion.js";
import { downloadFlow } from "./downloadFlow.js";
import { Downloads, type Running } from "./downloads.js";
import { modelsFolder } from "./folder.js";
import { followMove } from "./followMove.js";
import { HubToken } from "./hubToken.js";
import { InlineModel } from "./inlineModel.js";
import { ModelsView, type Node } from "./modelsView.js";
import { offerToMove } from "./moveModels.js";
import { chooseModelFile, readModelPaths, updateModelPaths, updateSetting } from "./settings.js";
import { Stopped } from "./tasks.js";
import { progressText } from "./text.js";
import { verifyOrTell } from "./verification.js";

/** How often downloads of other windows are looked at. */
const lookAgainMs = 2000;

export interface ModelsOptions {
  engine: Engine;
  /** Starts a sidecar besides the engine's. */
  startSidecar(): Promise<Sidecar>;
  secrets: vscode.SecretStorage;
  /** The settings of the engine as far as they make sense. */
  settings(): EngineSettings | undefined;
  /** Opens the chat, with the cursor where a question is typed. */
  ask(): Promise<void>;
  log(line: string): void;
}

export class Models implements vscode.Disposable {
  private readonly downloads: Downloads;
  private readonly conversions: Conversions;
  private readonly flow: ConversionFlow;
  private readonly view: ModelsView;
  private readonly inline: InlineModel;
  private readonly token: HubToken;
  private folder = modelsFolder();
  private timer: NodeJS.Timeout | undefined;
  private disposed = false;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly options: ModelsOptions) {
    const { log } = options;
    this.inline = new InlineModel(options);
    this.token = new HubToken(options.secrets, (token, signal) => sourcesWith(token).hub.knowsToken(signal));
    this.downloads = new Downloads({ log, http: async (client) => (await this.sources()).http(client) });
    this.conversions = new Conversions({
      start: options.startSidecar,
      ramCapBytes,
      makeRoom: (source, signal) => options.engine.makeRoom(source, signal),
    });
    this.flow = new ConversionFlow({
      ...{ conversions: this.conversions, planConversion: this.planConversion, inUse: this.inUse, log },
      use: (path) => this.load(path),
      ask: options.ask,
    });
    const { downloads, conversions } = this;
    this.view = new ModelsView({
      downloads,
      conversions,
      folder: () => this.folder,
      uses: () => this.inline.uses,
      log,
    });
    const command = (name: string, handler: (node?: Node) => unknown) =>
      vscode.commands.registerCommand(`flint.${name}`, handler);
    this.subscriptions = [
      command("downloadModel", () => this.download()),
      command("chooseModel", () => this.choose()),
      command("useModel", (node) => this.use(pathOf(node))),
      command("chooseInlineModel", async () =>
        this.inline.choose(await this.view.getChildren(), () => this.download()),
      ),
      command("useModelForInline", (node) => this.inline.use(pathOf(node))),
      command("useChatModelForInline", () => this.inline.useChatModel()),
      this.inline,
      this.inline.onDidChange(() => this.view.refresh()),
      command("convertModel", (node) => this.convert(node)),
      command("stopConversion", (node) => this.stopConversion(node)),
      command("verifyModel", (node) => this.verify(node)),
      command("deleteModel", (node) => this.delete(node)),
      command("pauseDownload", (node) => this.pause(node)),
      command("resumeDownload", (node) => this.resume(node)),
      command("cancelDownload", (node) => this.cancel(node)),
      command("copyModelPath", (node) => vscode.env.clipboard.writeText(pathOf(node) ?? "")),
      command("revealModel", (node) => this.reveal(node)),
      command("refreshModels", () => this.view.refresh()),
      command("setHuggingFaceToken", () => this.token.ask()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("flint.modelsFolder")) void this.folderChanged();
        if (["model", "inlineModel"].some((name) => change.affectsConfiguration(`flint.${name}`))) this.view.refresh();
      }),
    ];
    void this.goOn();
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.view.dispose();
    this.downloads.dispose();
    this.conversions.dispose();
  }

  /** The walk from a wish to a download. */
  async download(): Promise<void> {
    await downloadFlow({
      sources: () => this.sources(),
      planners: {
        plan: (modelPath) => this.options.engine.planOf({ modelPath, ramCapBytes: ramCapBytes() }),
        planConversion: this.planConversion,
        planInline: (modelPath) => this.inline.planBeside(modelPath),
      },
      ramCapBytes: ramCapBytes(),
      folder: this.folder,
      start: (record) => this.start(record),
      use: (path) => this.use(path),
      chooseFile: chooseModelFile,
      askToken: () => this.token.ask(),
      log: this.options.log,
    });
  }

  /** Lets choose the chat's model among those that are here; where none is, how to get one. */
  async choose(): Promise<void> {
    await chooseModel(await this.view.getChildren(), this.inline.uses, {
      title: "Choose a model",
      others: [
        { label: "$(cloud-download) Download a model…", run: () => this.download() },
        { label: "$(file) A file on this machine…", run: chooseModelFile },
      ],
      use: (path) => this.use(path),
      none: () => this.download(),
    });
  }

  private readonly inUse = () => this.inline.uses.chat;

  private readonly planConversion = (modelPath: string) =>
    this.options.engine.planConversion({ modelPath, ramCapBytes: ramCapBytes() });

  private async use(path: string | undefined): Promise<void> {
    if (path !== undefined) await updateSetting("model", path);
  }

  /** Makes it the model in use, for what it is good for, and loads it. */
  private async load(path: string, role?: ModelRecord["role"]): Promise<void> {
    await (role === "inline" ? this.inline.use(path) : this.use(path));
    await this.options.engine.load().catch((error: unknown) => {
      // Told in the chat and the status bar, with what would help.
      if (!(error instanceof Cancelled)) this.options.log(`loading ${path}: ${String(error)}`);
    });
  }

  private async sources(): Promise<Sources> {
    return sourcesWith(await this.token.get());
  }

  /**
   * Takes up what a window that closed has left. What another one is at is looked at again later: it may close, and an
   * extension host outlives its window for some seconds.
   */
  private async goOn(): Promise<void> {
    try {
      const models = await listLibrary(this.folder);
      for (const { state, busy, record } of models) {
        if (state === "partial" && !busy && record && !record.paused) this.start(record);
      }
      const converting = await this.flow.goOn(this.folder, models);
      const elsewhere = models.some(({ name, busy }) => busy && !this.downloads.get(this.folder, name));
      if (!(elsewhere || converting) || this.disposed) return;
      this.view.refresh();
      this.timer = setTimeout(() => void this.goOn(), lookAgainMs);
    } catch (error) {
      this.options.log(`downloads: ${String(error)}`);
    }
  }

  private start(record: ModelRecord): void {
    const running = this.downloads.start(record, this.folder);
    void this.follow(running);
  }

  /** One notification for the whole way: download, check, load. */
  private async follow(running: Running): Promise<void> {
    const { name, record, folder } = running;
    try {
      const done = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: name, cancellable: true },
        (report, token) => this.accompany(running, report, token),
      );
      if (!done) return;
      if (done !== "ready") return await this.flow.finished(folder, done.wanted, done.result);
      await this.tellReady(vscode.Uri.joinPath(vscode.Uri.file(folder), name).fsPath, record);
    } catch (error) {
      await this.tellFailure(error, record);
    }
  }

  private async tellReady(path: string, { role, thenUse }: ModelRecord): Promise<void> {
    const [ask, chat, inline] = ["Ask something", "Use it", "Use for inline suggestions"];
    const uses = role === "inline" ? [inline] : role === "both" && this.inUse() !== undefined ? [chat, inline] : [chat];
    const next = thenUse ? (role === "inline" ? [] : [ask]) : uses;
    const does = this.inline.uses.inline === path ? " It does the inline suggestions." : "";
    const answer = await vscode.window.showInformationMessage(`${basename(path)} is ready.${does}`, ...next);
    if (answer === ask) await this.options.ask();
    else if (answer === chat) await this.use(path);
    else if (answer === inline) await this.inline.use(path);
  }

  /** @returns what there is to tell; undefined when it was stopped */
  private async accompany(
    running: Running,
    report: vscode.Progress<{ message?: string; increment?: number }>,
    token: vscode.CancellationToken,
  ): Promise<"ready" | { wanted: Conversion; result: ConvertResult } | undefined> {
    const { name, record, folder } = running;
    const load = (path: string) => {
      report.report({ message: "loading", increment: 100 - shown });
      return this.load(path, record.role);
    };
    const pauseLink = `[Pause](command:flint.pauseDownload?${encodeURIComponent(JSON.stringify([{ name }]))} "Goes on when you resume it")`;
    let shown = 0;
    const follow = this.downloads.onDidChange((changed) => {
      const { progress } = running;
      if (changed !== running || !progress) return;
      const share = progress.totalBytes ? (progress.doneBytes / progress.totalBytes) * 100 : 0;
      const increment = Math.max(0, share - shown);
      shown += increment;
      report.report({ message: `${progressText(progress, running.rate)} — ${pauseLink}`, increment });
    });
    const stop = token.onCancellationRequested(() => void this.offerToDelete(folder, name));
    try {
      await running.result;
      stop.dispose();
      if (record.thenConvert !== undefined) {
        const wanted = newConversion(name, record, record.thenUse === true);
        const result = await this.flow.accompany(folder, wanted, report, token).catch((error: unknown) => {
          void this.flow.tellFailure(folder, wanted, error);
          return "failed" as const;
        });
        // What could not be converted is used as it is.
        if (result !== "failed") {
          if (result && record.thenUse) await load(result.modelPath);
          return result && { wanted, result };
        }
      }
      if (record.thenUse) await load(vscode.Uri.joinPath(vscode.Uri.file(folder), name).fsPath);
      return "ready";
    } catch (error) {
      if (error instanceof Stopped) return undefined;
      throw error;
    } finally {
      follow.dispose();
      stop.dispose();
    }
  }

  /** Cancelled in the notification: stopped, and what has arrived is kept unless it is not wanted. */
  private async offerToDelete(folder: string, name: string): Promise<void> {
    await this.downloads.pause(folder, name);
    const model = (await listLibrary(folder)).find((other) => other.name === name);
    if (!model?.record || model.state !== "partial") return;
    const kept = `The download of ${name} is stopped. ${formatSize(model.bytes)} are kept.`;
    const answer = await vscode.window.showInformationMessage(kept, "Resume", "Delete");
    if (answer === "Resume") this.start(model.record);
    else if (answer === "Delete") await this.downloads.cancel(folder, name);
  }

  private async tellFailure(error: unknown, record: ModelRecord): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    const kind = error instanceof DownloadError ? error.kind : undefined;
    if (kind === "busy") return;
    const gated = kind === "gated";
    const [again, token, settings] = ["Try again", "Give a token…", "Choose another folder"];
    const buttons = [gated ? token : again, ...(kind === "disk" ? [settings] : [])];
    const answer = await vscode.window.showErrorMessage(message, ...buttons);
    if (answer === token && !(await this.token.ask())) return;
    if (answer === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "flint.modelsFolder");
    } else if (answer !== undefined) this.start(record);
  }

  private async pause(node: Node | { name: string } | undefined): Promise<void> {
    const name = nameOf(node);
    if (name !== undefined) await this.downloads.pause(this.folder, name);
  }

  private resume(node: Node | undefined): void {
    if (node?.kind === "own" && node.model.record) this.start(node.model.record);
  }

  private async cancel(node: Node | undefined): Promise<void> {
    const name = nameOf(node);
    if (name !== undefined) await this.downloads.cancel(this.folder, name);
  }

  private async verify(node: Node | undefined): Promise<void> {
    if (node?.kind !== "own") return;
    await verifyOrTell(this.folder, node.model);
    this.view.refresh();
  }

  private async delete(node: Node | undefined): Promise<void> {
    if (node?.kind !== "own") return;
    const { model } = node;
    const question = `Delete ${model.name}?`;
    const { chat, inline } = this.inline.uses;
    const suggests = model.path === inline ? " Suggestions are then the chat model's." : "";
    const used = model.path === chat ? " It is the model in use." : suggests;
    const detail = `This frees ${gigabytes(model.bytes)}.${used}`;
    if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, "Delete")) !== "Delete") return;
    if ((await deleteOrTell(this.folder, model)) && suggests) await this.inline.useChatModel();
    this.view.refresh();
  }

  private async reveal(node: Node | undefined): Promise<void> {
    const path = pathOf(node);
    if (path !== undefined) await vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(path));
  }

  private async convert(node: Node | undefined): Promise<void> {
    if (node?.kind === "own") await this.flow.offer(this.folder, node.model);
  }

  /** Stops that of a model, or the one for which the model in use is unloaded. */
  async stopConversion(node?: Node): Promise<void> {
    const name = nameOf(node);
    await (name === undefined ? this.conversions.stopCurrent() : this.conversions.stop(this.folder, name));
  }

  /** The setting names another folder: its models count from now on, and the others may come along. */
  private async folderChanged(): Promise<void> {
    const from = this.folder;
    const to = modelsFolder();
    if (from === to) return;
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

/** The cap of the settings; while that makes no sense, half of this machine's memory, so that fit can be told. */
function ramCapBytes(): number {
  try {
    return parseRamCap(vscode.workspace.getConfiguration("flint").get<unknown>("ramCap"));
  } catch {
    return Math.floor(totalmem() / 2);
  }
}
