/** Conversions as the window tells them: what they cost, one notification while they run, and what comes after. */
import * as vscode from "vscode";
import {
  type Conversion,
  isConverting,
  newConversion,
  removeConversion,
} from "../../engine-native/download/conversion.js";
import { freeBytes, gigabytes } from "../../engine-native/download/disk.js";
import { type LibraryModel, listLibrary } from "../../engine-native/download/library.js";
import type { ConversionPlan, ConvertResult } from "../../engine-native/protocol.js";
import type { Conversions, RunningConversion } from "./conversions.js";
import { deleteOrTell } from "./deletion.js";
import { Stopped } from "./tasks.js";
import { conversionCost, conversionPercent, conversionText } from "./text.js";

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

type Report = vscode.Progress<{ message?: string; increment?: number }>;

export class ConversionFlow {
  constructor(private readonly options: ConversionFlowOptions) {}

  /** Says what converting a model takes, and does it after a yes. */
  async offer(folder: string, model: LibraryModel): Promise<void> {
    const { name, path, record } = model;
    let plan: ConversionPlan;
    try {
      plan = await this.options.planConversion(path);
    } catch (error) {
      void vscode.window.showWarningMessage(`${name} can't be converted: ${reason(error)}`);
      return;
    }
    const free = await freeBytes(folder);
    const detail = `Most of its neurons are zero for a token: of what does not fit in memory, only the others are then read. Converting takes ${conversionCost(plan)}; ${gigabytes(free)} of the disk are free. The model itself stays until you delete it.`;
    const answer = await vscode.window.showInformationMessage(`Convert ${name}?`, { modal: true, detail }, "Convert");
    if (answer === "Convert") await this.follow(folder, newConversion(name, record, path === this.options.inUse()));
  }

  /** Takes up what a window that closed has left. @returns whether another window is at one */
  async goOn(folder: string, models: readonly LibraryModel[]): Promise<boolean> {
    let elsewhere = false;
    for (const { conversion, state } of models) {
      if (!conversion || conversion.verified || conversion.paused || state !== "ready") continue;
      if (this.options.conversions.get(folder, conversion.source)) continue;
      if (await isConverting(folder, conversion.source)) elsewhere = true;
      else void this.follow(folder, conversion);
    }
    return elsewhere;
  }

  /** Converts with a notification of its own. */
  async follow(folder: string, wanted: Conversion): Promise<void> {
    try {
      const result = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, title: wanted.source, cancellable: true },
        async (report, token) => {
          const result = await this.accompany(folder, wanted, report, token);
          if (result && wanted.thenUse) {
            report.report({ message: "loading" });
            await this.options.use(result.modelPath);
          }
          return result;
        },
      );
      if (result) await this.finished(folder, wanted, result);
    } catch (error) {
      await this.tellFailure(folder, wanted, error);
    }
  }

  /** Converts, telling how far it is. @returns undefined when it was stopped */
  async accompany(
    folder: string,
    wanted: Conversion,
    report: Report,
    token: vscode.CancellationToken,
  ): Promise<ConvertResult | undefined> {
    const { conversions } = this.options;
    const running = conversions.start(wanted, folder);
    let shown = 0;
    const tell = (changed: RunningConversion | undefined) => {
      if (changed !== running || !running.progress) return;
      const share = Math.max(shown, conversionPercent(running.progress));
      report.report({ message: conversionText(running.progress), increment: share - shown });
      shown = share;
    };
    report.report({ message: conversionText(undefined) });
    const follow = conversions.onDidChange(tell);
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

  /** Says that it is done; the source is deleted only where the user says so here. */
  async finished(folder: string, wanted: Conversion, result: ConvertResult): Promise<void> {
    const { equalTokens, verifiedTokens, modelPath } = result;
    const source = (await listLibrary(folder)).find(({ name }) => name === wanted.source);
    const next = wanted.thenUse ? "Ask something" : "Use it";
    const remove = source && `Delete the source (${gigabytes(source.bytes)})`;
    const answer = await vscode.window.showInformationMessage(
      `${wanted.source} is converted: ${equalTokens} of ${verifiedTokens} tokens came out as before.`,
      next,
      ...(remove ? [remove] : []),
    );
    if (answer === undefined) return;
    if (answer !== next && source) {
      if (source.path === this.options.inUse()) await this.options.use(modelPath);
      await deleteOrTell(folder, source);
    } else if (wanted.thenUse) await this.options.ask();
    else await this.options.use(modelPath);
  }

  private async stopped(folder: string, wanted: Conversion): Promise<void> {
    await this.options.conversions.stop(folder, wanted.source);
    const told = `The conversion of ${wanted.source} is stopped. What is done is kept, and so is the model.`;
    await this.goOnOrNot(folder, wanted, await vscode.window.showInformationMessage(told, "Resume", "Forget it"));
  }

  /** Says why it failed, and offers to go on where it did. */
  async tellFailure(folder: string, wanted: Conversion, error: unknown): Promise<void> {
    this.options.log(`conversion of ${wanted.source}: ${String(error)}`);
    const told = `${wanted.source} could not be converted: ${reason(error)} The model itself is as it was.`;
    await this.goOnOrNot(folder, wanted, await vscode.window.showErrorMessage(told, "Resume", "Forget it"));
  }

  private async goOnOrNot(folder: string, wanted: Conversion, answer: string | undefined): Promise<void> {
    if (answer === "Resume") await this.follow(folder, wanted);
    else if (answer === "Forget it") await removeConversion(folder, wanted.source);
  }
}

function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
