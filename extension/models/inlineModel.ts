/** The model of inline suggestions: chosen, taken back, and told where it cannot be what it was chosen for. */
import { totalmem } from "node:os";
import * as vscode from "vscode";
import type { InlineRefusal, Plan } from "../../engine-native/protocol.js";
import type { Engine } from "../engine/engine.js";
import type { EngineSettings } from "../engine/state.js";
import { ramCapValue } from "../settings.js";
import { chooseModel } from "./chooseModel.js";
import type { Node } from "./modelsView.js";
import { askForModelFile, raiseRamCap, updateSetting } from "./settings.js";
import type { Uses } from "./text.js";

export interface InlineModelOptions {
  engine: Engine;
  /** The settings as far as they make sense. */
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
   * Lets choose it among the models that are here.
   * @param none called where there is none
   */
  async choose(nodes: readonly Node[], none: () => Promise<void>): Promise<void> {
    await chooseModel(nodes, this.uses, {
      title: "Choose a model for inline suggestions",
      others: [
        { label: "$(comment-discussion) The chat model", run: () => this.useChatModel() },
        { label: "$(file) A file on this machine…", run: async () => this.use(await askForModelFile()) },
      ],
      use: (path) => this.use(path),
      none,
    });
  }

  /** Makes it the model of suggestions, if it has room beside that of the chat; else says what would have. */
  async use(path: string | undefined): Promise<void> {
    if (path === undefined) return;
    const settings = this.options.settings();
    if (path === settings?.modelPath) return this.useChatModel();
    const refusal = await this.planBeside(path).catch((error: unknown) => {
      // What is the matter with the chat's model is told where that is loaded.
      this.options.log(`plan beside ${path}: ${String(error)}`);
      return undefined;
    });
    if (refusal) return this.tell(refusal, path);
    await updateSetting("inlineModel", path);
  }

  /** Why it would be refused beside the chat's model; undefined where it would not. @throws as Engine.planOf */
  async planBeside(path: string): Promise<InlineRefusal | undefined> {
    const settings = this.options.settings();
    return settings && (await this.options.engine.planOf({ ...settings, inlineModelPath: path })).inlineRefusal;
  }

  /** Takes it back: the chat's model does both. */
  async useChatModel(): Promise<void> {
    await updateSetting("inlineModel", "");
  }

  /** What was loaded without the inline model of the settings is said once. */
  private follow(plan: Plan | undefined): void {
    const before = this.refusal;
    this.refusal = plan?.inlineRefusal?.reason;
    if (this.refusal === before) return;
    this.didChange.fire();
    if (!plan?.inlineRefusal) return;
    this.tell(plan.inlineRefusal).catch((error: unknown) => this.options.log(`inline model: ${String(error)}`));
  }

  /** @param wanted to be chosen once it has room; absent: it is already */
  private async tell({ reason, minimumCapBytes }: InlineRefusal, wanted?: string): Promise<void> {
    const raise =
      minimumCapBytes !== undefined && minimumCapBytes < totalmem()
        ? `Raise the cap to ${ramCapValue(minimumCapBytes).replace(/(?=[MG]iB)/, " ")}`
        : undefined;
    const leave = wanted === undefined ? "Use the chat model" : undefined;
    const buttons = [raise, leave].filter((button) => button !== undefined);
    const answer = await vscode.window.showWarningMessage(reason, ...buttons);
    if (answer === undefined) return;
    if (answer === leave) return this.useChatModel();
    await raiseRamCap(minimumCapBytes ?? 0);
    if (wanted !== undefined) await updateSetting("inlineModel", wanted);
  }
}
