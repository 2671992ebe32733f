/** The separate model for inline suggestions: choosing it, removing it, and saying why it cannot be used. */
import { totalmem } from "node:os";
import * as vscode from "vscode";
import type { InlineRefusal, Plan } from "../../protocol/messages.js";
import { raiseCapLabel } from "../config/schema.js";
import { raiseRamCap, updateSetting } from "../config/write.js";
import type { EngineClient } from "../engine/engine.js";
import type { EngineSettings } from "../engine/state.js";
import { type Choice, chooseModel } from "./chooseModel.js";
import { askForModelFile } from "./modelFile.js";
import type { Node } from "./modelsView.js";
import type { Uses } from "./text.js";

export interface InlineModelOptions {
  engine: EngineClient;
  /** The settings of the engine; undefined if they are invalid. */
  settings(): EngineSettings | undefined;
  log(line: string): void;
}

export class InlineModel implements vscode.Disposable {
  private readonly didChange = new vscode.EventEmitter<void>();
  /** Fires when it is loaded or refused, and was not before. */
  readonly onDidChange = this.didChange.event;
  private refusal: string | undefined;
  private readonly subscription;

  constructor(private readonly options: InlineModelOptions) {
    this.subscription = options.engine.onDidChangeState(({ kind }) => {
      if (kind === "ready") this.follow(options.engine.plan);
    });
  }

  dispose(): void {
    this.subscription.dispose();
    this.didChange.dispose();
  }

  /** Which model does what. */
  get uses(): Uses {
    const { modelPath, inlineModelPath } = this.options.settings() ?? {};
    return { chat: modelPath, inline: inlineModelPath, inlineRefused: this.refusal !== undefined };
  }

  /**
   * Lets the person choose it from the models on this machine and on others.
   * @param none called if there is none
   */
  async choose(
    nodes: readonly Node[],
    remote: NonNullable<Choice["remote"]>,
    none: () => Promise<void>,
  ): Promise<void> {
    await chooseModel(nodes, this.uses, {
      title: vscode.l10n.t("Choose a model for inline suggestions"),
      others: [
        { label: vscode.l10n.t("$(comment-discussion) The chat model"), run: () => this.useChatModel() },
        { label: vscode.l10n.t("$(file) A file on this machine…"), run: async () => this.use(await askForModelFile()) },
      ],
      use: (path) => this.use(path),
      remote,
      none,
    });
  }

  /** Makes it the inline model if it fits beside the chat model; else says which cap would be enough. */
  async use(path: string | undefined): Promise<void> {
    if (path === undefined) return;
    const settings = this.options.settings();
    if (path === settings?.modelPath) return this.useChatModel();
    const refusal = await this.planBeside(path).catch((error: unknown) => {
      // Problems of the chat model show where that is loaded.
      this.options.log(`plan beside ${path}: ${String(error)}`);
      return undefined;
    });
    if (refusal) return this.showRefusal(refusal, path);
    await updateSetting("inlineModel", path);
  }

  /** Why it would be refused beside the chat model; undefined if it would not. @throws as EngineClient.planOf */
  async planBeside(path: string): Promise<InlineRefusal | undefined> {
    const settings = this.options.settings();
    return settings && (await this.options.engine.planOf({ ...settings, inlineModelPath: path })).inlineRefusal;
  }

  /** Removes it: the chat model makes the suggestions. */
  async useChatModel(): Promise<void> {
    await updateSetting("inlineModel", "");
  }

  /** Says once that a model was loaded without the inline model. */
  private follow(plan: Plan | undefined): void {
    const before = this.refusal;
    this.refusal = plan?.inlineRefusal?.reason;
    if (this.refusal === before) return;
    this.didChange.fire();
    if (!plan?.inlineRefusal) return;
    this.showRefusal(plan.inlineRefusal).catch((error: unknown) => this.options.log(`inline model: ${String(error)}`));
  }

  /** @param wanted path to set once the cap is raised; absent if it is set already */
  private async showRefusal({ reason, minimumCapBytes }: InlineRefusal, wanted?: string): Promise<void> {
    const raise =
      minimumCapBytes !== undefined && minimumCapBytes < totalmem() ? raiseCapLabel(minimumCapBytes) : undefined;
    const leave = wanted === undefined ? vscode.l10n.t("Use the chat model") : undefined;
    const buttons = [raise, leave].filter((button) => button !== undefined);
    const answer = await vscode.window.showWarningMessage(reason, ...buttons);
    if (answer === undefined) return;
    if (answer === leave) return this.useChatModel();
    await raiseRamCap(minimumCapBytes ?? 0);
    if (wanted !== undefined) await updateSetting("inlineModel", wanted);
  }
}
