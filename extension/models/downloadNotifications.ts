/** Downloads in the window: one notification from the first byte to a loaded model, and what to do afterwards. */
import { basename } from "node:path";
import * as vscode from "vscode";
import { DownloadError } from "../../models/errors.js";
import { type Conversion, newConversion } from "../../models/library/conversion.js";
import type { Model } from "../../models/library/model.js";
import { ModelsFolder } from "../../models/library/modelsFolder.js";
import type { ModelRecord } from "../../models/record.js";
import type { ConvertResult } from "../../protocol/messages.js";
import { memorySize } from "../numbers.js";
import type { ConversionFlow } from "./conversionFlow.js";
import type { Downloads, RunningDownload } from "./downloads.js";
import type { InlineModel } from "./inlineModel.js";
import { ProgressShare, type Report } from "./progressNotification.js";
import { Stopped } from "./tasks.js";
import { errorText, progressText } from "./text.js";

export interface DownloadNotificationsOptions {
  downloads: Downloads;
  conversions: ConversionFlow;
  inline: InlineModel;
  /** Makes it the chat model. */
  use(path: string): Promise<void>;
  /** Makes it the chat, inline or draft model, by its role, and loads it. */
  load(path: string, role: ModelRecord["role"]): Promise<void>;
  /** Starts a download again, in the models folder of that moment. */
  again(record: ModelRecord): void;
  /** Asks for a token. @returns whether one was given */
  askToken(): Promise<boolean>;
  /** Opens the chat, with the cursor where a question is typed. */
  ask(): Promise<void>;
}

export class DownloadNotifications {
  constructor(private readonly options: DownloadNotificationsOptions) {}

  /** Starts or resumes a download, and shows it until it has ended. */
  async start(model: Model, record: ModelRecord): Promise<void> {
    const running = this.options.downloads.start(model, record);
    try {
      const done = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: model.name, cancellable: true },
        (report, token) => this.runWithProgress(running, report, token),
      );
      if (!done) return;
      if (done !== "ready")
        return await this.options.conversions.finished(new ModelsFolder(model.folder), done.wanted, done.result);
      await this.showReady(vscode.Uri.file(model.path).fsPath, record);
    } catch (error) {
      await this.showFailure(error, record);
    }
  }

  private async showReady(path: string, { role, thenUse }: ModelRecord): Promise<void> {
    const [ask, chat, inline] = [
      vscode.l10n.t("Ask something"),
      vscode.l10n.t("Use it"),
      vscode.l10n.t("Use for inline suggestions"),
    ];
    const uses =
      role === "inline"
        ? [inline]
        : role === "both" && this.options.inline.uses.chat !== undefined
          ? [chat, inline]
          : [chat];
    // Those that can't hold a conversation have their own settings.
    const talks = role === undefined || role === "chat" || role === "both";
    const next = thenUse ? (talks ? [ask] : []) : talks || role === "inline" ? uses : [];
    const does = this.options.inline.uses.inline === path ? vscode.l10n.t(" It makes the inline suggestions.") : "";
    const answer = await vscode.window.showInformationMessage(
      vscode.l10n.t("{0} is ready.{1}", basename(path), does),
      ...next,
    );
    if (answer === ask) await this.options.ask();
    else if (answer === chat) await this.options.use(path);
    else if (answer === inline) await this.options.inline.use(path);
  }

  /** @returns what there is to tell; undefined when it was stopped */
  private async runWithProgress(
    running: RunningDownload,
    report: Report,
    token: vscode.CancellationToken,
  ): Promise<"ready" | { wanted: Conversion; result: ConvertResult } | undefined> {
    const { model, record } = running;
    const { name } = model;
    const folder = new ModelsFolder(model.folder);
    const load = (path: string) => {
      share.show(100, vscode.l10n.t("loading"));
      return this.options.load(path, record.role);
    };
    const pauseLink = vscode.l10n.t(
      '[Pause](command:flint.pauseDownload?{0} "You can resume it later")',
      encodeURIComponent(JSON.stringify([{ name }])),
    );
    const share = new ProgressShare(report);
    const follow = this.options.downloads.onDidChange((changed) => {
      const { progress } = running;
      if (changed !== running || !progress) return;
      const percent = progress.totalBytes ? (progress.doneBytes / progress.totalBytes) * 100 : 0;
      share.show(percent, `${progressText(progress, running.rate)} — ${pauseLink}`);
    });
    const stop = token.onCancellationRequested(() => void this.offerToDelete(model));
    try {
      await running.result;
      stop.dispose();
      if (record.thenConvert !== undefined) {
        const wanted = newConversion(name, record, record.thenUse === true);
        const result = await this.options.conversions
          .runWithProgress(folder, wanted, report, token)
          .catch((error: unknown) => {
            void this.options.conversions.showFailure(folder, wanted, error);
            return "failed" as const;
          });
        // What could not be converted is used as it is.
        if (result !== "failed") {
          if (result && record.thenUse) await load(result.modelPath);
          return result && { wanted, result };
        }
      }
      if (record.thenUse) await load(vscode.Uri.file(model.path).fsPath);
      return "ready";
    } catch (error) {
      if (error instanceof Stopped) return undefined;
      throw error;
    } finally {
      follow.dispose();
      stop.dispose();
    }
  }

  /** After a cancel in the notification: the download is paused, and the person may delete what has arrived. */
  private async offerToDelete(model: Model): Promise<void> {
    await this.options.downloads.pause(model);
    const { name, folder } = model;
    const left = (await new ModelsFolder(folder).list()).find((other) => other.name === name);
    if (!left?.record || left.state !== "partial") return;
    const kept = vscode.l10n.t("The download of {0} was stopped. {1} are kept.", name, memorySize(left.bytes));
    const answer = await vscode.window.showInformationMessage(kept, vscode.l10n.t("Resume"), vscode.l10n.t("Delete"));
    if (answer === vscode.l10n.t("Resume")) this.options.again(left.record);
    else if (answer === vscode.l10n.t("Delete")) await this.options.downloads.cancel(model);
  }

  private async showFailure(error: unknown, record: ModelRecord): Promise<void> {
    const kind = error instanceof DownloadError ? error.kind : undefined;
    if (kind === "busy") return;
    const gated = kind === "gated";
    const [again, token, settings] = [
      vscode.l10n.t("Try again"),
      vscode.l10n.t("Set Token…"),
      vscode.l10n.t("Choose another folder"),
    ];
    const buttons = [gated ? token : again, ...(kind === "disk" ? [settings] : [])];
    const answer = await vscode.window.showErrorMessage(errorText(error), ...buttons);
    if (answer === token && !(await this.options.askToken())) return;
    if (answer === settings) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "flint.modelsFolder");
    } else if (answer !== undefined) this.options.again(record);
  }
}
