/** Conversions in the window: what they cost, one notification while they run, and what to do afterwards. */
import * as vscode from "vscode";
import { freeBytes } from "../../models/disk.js";
import { type Conversion, isConverting, newConversion, removeConversion } from "../../models/library/conversion.js";
import type { LibraryModel, ModelsFolder } from "../../models/library/modelsFolder.js";
import type { ConversionPlan, ConvertResult } from "../../protocol/messages.js";
import { diskSize, integer } from "../numbers.js";
import type { Conversions } from "./conversions.js";
import { deleteWithError } from "./deletion.js";
import { ProgressShare, type Report } from "./progressNotification.js";
import { Stopped } from "./tasks.js";
import { conversionCost, conversionPercent, conversionText, errorText } from "./text.js";

export interface ConversionFlowOptions {
  conversions: Conversions;
  /** @throws ResponseError for a model that can't be converted */
  planConversion(modelPath: string): Promise<ConversionPlan>;
  /** Path of the model in use. */
  inUse(): string | undefined;
  /** Makes it the model in use, and loads it. */
  use(path: string): Promise<void>;
  /** Opens the chat, with the cursor where a question is typed. */
  ask(): Promise<void>;
  log(line: string): void;
}

export class ConversionFlow {
  constructor(private readonly options: ConversionFlowOptions) {}

  /** Says what a conversion needs, and converts if the person agrees. */
  async offer(folder: ModelsFolder, model: LibraryModel): Promise<void> {
    const { name, path, record } = model;
    let plan: ConversionPlan;
    try {
      plan = await this.options.planConversion(path);
    } catch (error) {
      void vscode.window.showWarningMessage(vscode.l10n.t("{0} can't be converted: {1}", name, reason(error)));
      return;
    }
    const free = await freeBytes(folder.path);
    const detail = vscode.l10n.t(
      "Most of its neurons are zero for any one token. After conversion, Flint reads only the others from disk. Conversion needs {0}. {1} of disk space are free. The original stays until you delete it.",
      conversionCost(plan),
      diskSize(free),
    );
    const answer = await vscode.window.showInformationMessage(
      vscode.l10n.t("Convert {0}?", name),
      { modal: true, detail },
      vscode.l10n.t("Convert"),
    );
    if (answer === vscode.l10n.t("Convert"))
      await this.follow(folder, newConversion(name, record, path === this.options.inUse()));
  }

  /** Resumes what a closed window has left. @returns whether another window converts now */
  async resumeUnfinished(folder: ModelsFolder, models: readonly LibraryModel[]): Promise<boolean> {
    let elsewhere = false;
    for (const { conversion, state } of models) {
      if (!conversion || conversion.verified || conversion.paused || state !== "ready") continue;
      if (this.options.conversions.get(folder.model(conversion.source))) continue;
      if (await isConverting(folder.model(conversion.source))) elsewhere = true;
      else void this.follow(folder, conversion);
    }
    return elsewhere;
  }

  /** Converts with a notification of its own. */
  async follow(folder: ModelsFolder, wanted: Conversion): Promise<void> {
    try {
      const result = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: wanted.source, cancellable: true },
        async (report, token) => {
          const result = await this.runWithProgress(folder, wanted, report, token);
          if (result && wanted.thenUse) {
            report.report({ message: vscode.l10n.t("loading") });
            await this.options.use(result.modelPath);
          }
          return result;
        },
      );
      if (result) await this.finished(folder, wanted, result);
    } catch (error) {
      await this.showFailure(folder, wanted, error);
    }
  }

  /** Converts and reports progress. @returns undefined when it was stopped */
  async runWithProgress(
    folder: ModelsFolder,
    wanted: Conversion,
    report: Report,
    token: vscode.CancellationToken,
  ): Promise<ConvertResult | undefined> {
    const { conversions } = this.options;
    const running = conversions.start(folder.model(wanted.source), wanted);
    const share = new ProgressShare(report);
    share.show(0, conversionText(undefined));
    const follow = conversions.onDidChange((changed) => {
      const { progress } = running;
      if (changed === running && progress) share.show(conversionPercent(progress), conversionText(progress));
    });
    const cancel = token.onCancellationRequested(() => void this.stopped(folder, wanted));
    try {
      return await running.result;
    } catch (error) {
      if (error instanceof Stopped) return undefined;
      throw error;
    } finally {
      follow.dispose();
      cancel.dispose();
    }
  }

  /** Says that it is done. Deletes the source only if the person asks for it here. */
  async finished(folder: ModelsFolder, wanted: Conversion, result: ConvertResult): Promise<void> {
    const { equalTokens, verifiedTokens, modelPath } = result;
    const source = (await folder.list()).find(({ name }) => name === wanted.source);
    const next = wanted.thenUse ? vscode.l10n.t("Ask something") : vscode.l10n.t("Use it");
    const remove = source && vscode.l10n.t("Delete original ({0})", diskSize(source.bytes));
    const answer = await vscode.window.showInformationMessage(
      vscode.l10n.t(
        "{0} is converted. {1} of {2} test tokens are the same as the original's.",
        wanted.source,
        integer(equalTokens),
        integer(verifiedTokens),
      ),
      next,
      ...(remove ? [remove] : []),
    );
    if (answer === undefined) return;
    if (answer !== next && source) {
      if (source.path === this.options.inUse()) await this.options.use(modelPath);
      await deleteWithError(folder, source);
    } else if (wanted.thenUse) await this.options.ask();
    else await this.options.use(modelPath);
  }

  private async stopped(folder: ModelsFolder, wanted: Conversion): Promise<void> {
    await this.options.conversions.stop(folder.model(wanted.source));
    const told = vscode.l10n.t(
      "The conversion of {0} was stopped. Its progress is kept, and the original is unchanged.",
      wanted.source,
    );
    await this.resumeOrDiscard(
      folder,
      wanted,
      await vscode.window.showInformationMessage(told, vscode.l10n.t("Resume"), vscode.l10n.t("Discard")),
    );
  }

  /** Says why it failed, and offers to resume it. */
  async showFailure(folder: ModelsFolder, wanted: Conversion, error: unknown): Promise<void> {
    this.options.log(`conversion of ${wanted.source}: ${String(error)}`);
    const told = vscode.l10n.t(
      "{0} could not be converted: {1} The original is unchanged.",
      wanted.source,
      reason(error),
    );
    await this.resumeOrDiscard(
      folder,
      wanted,
      await vscode.window.showErrorMessage(told, vscode.l10n.t("Resume"), vscode.l10n.t("Discard")),
    );
  }

  private async resumeOrDiscard(folder: ModelsFolder, wanted: Conversion, answer: string | undefined): Promise<void> {
    if (answer === vscode.l10n.t("Resume")) await this.follow(folder, wanted);
    else if (answer === vscode.l10n.t("Discard")) await removeConversion(folder.model(wanted.source));
  }
}

function reason(error: unknown): string {
  const message = errorText(error);
  return /[.!?。！？]$/.test(message) ? message : `${message}.`;
}
