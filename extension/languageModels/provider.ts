/** The models in VS Code's own chat, edits and agents, and for other extensions (`vscode.lm`). */
import * as vscode from "vscode";
import { Cancelled } from "../engine/errors.js";
import { toMessages, toTools } from "./messages.js";
import type { OfferedModel } from "./offered.js";

/** As package.json contributes it. */
export const vendor = "flint";

export interface ProviderOptions {
  /** @param silent nobody is there to answer a question */
  models(silent: boolean): Promise<OfferedModel[]>;
  /** An error in one plain sentence. */
  describe(error: unknown): string;
  onDidChange: vscode.Event<void>;
}

interface Information extends vscode.LanguageModelChatInformation {
  offered: OfferedModel;
}

/** What an answer may take: of the context, and in tokens. VS Code keeps it free, and a model that finds no end is stopped there. */
const answerShare = 1 / 4;
const longestAnswer = 4096;

const outputTokens = ({ contextTokens }: OfferedModel): number =>
  Math.min(Math.floor(contextTokens * answerShare), longestAnswer);

export class FlintChatProvider implements vscode.LanguageModelChatProvider<Information> {
  readonly onDidChangeLanguageModelChatInformation: vscode.Event<void>;
  /** The last that were told, by their ids: VS Code gives back copies. */
  private readonly offered = new Map<string, OfferedModel>();

  constructor(private readonly options: ProviderOptions) {
    this.onDidChangeLanguageModelChatInformation = options.onDidChange;
  }

  async provideLanguageModelChatInformation({ silent }: { silent: boolean }): Promise<Information[]> {
    const models = await this.options.models(silent);
    for (const model of models) this.offered.set(model.id, model);
    return models.map((offered) => {
      const { id, name, detail, contextTokens, toolsRefusal } = offered;
      const maxOutputTokens = outputTokens(offered);
      const agents = toolsRefusal === undefined ? "" : ` ${vscode.l10n.t("Not for agents: {0}", toolsRefusal)}`;
      return {
        ...{ id, name, detail, offered, family: vendor, version: "1" },
        tooltip: `${detail}.${agents}`,
        maxInputTokens: contextTokens - maxOutputTokens,
        maxOutputTokens,
        capabilities: { toolCalling: toolsRefusal === undefined },
        // Shown by newer versions, unknown to the types.
        ...{ infoText: detail },
      };
    });
  }

  async provideLanguageModelChatResponse(
    { id }: Information,
    messages: readonly vscode.LanguageModelChatRequestMessage[],
    { tools = [], toolMode, modelOptions }: vscode.ProvideLanguageModelChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelResponsePart>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const model = await this.model(id);
    const required = toolMode === vscode.LanguageModelChatToolMode.Required;
    const temperature: unknown = modelOptions?.["temperature"];
    let said = false;
    const tell = (part: vscode.LanguageModelResponsePart) => {
      said = true;
      progress.report(part);
    };
    const result = await this.told(
      model.backend.chat(
        {
          messages: toMessages(messages),
          whole: true,
          maximumTokens: outputTokens(model),
          ...(typeof temperature === "number" && temperature >= 0 ? { temperature } : {}),
          ...(tools.length > 0 ? { tools: toTools(tools), toolChoice: required ? "required" : "auto" } : {}),
        },
        {
          onText: (text) => tell(new vscode.LanguageModelTextPart(text)),
          onToolCall: ({ id: callId, name, arguments: args }) =>
            tell(new vscode.LanguageModelToolCallPart(callId, name, JSON.parse(args))),
        },
        token,
      ),
    );
    if (result.finishReason === "cancelled") throw new vscode.CancellationError();
    // VS Code would say that no response was returned.
    if (!said) throw plain(vscode.l10n.t("The model ended its answer without a word."));
  }

  async provideTokenCount(
    { id }: Information,
    text: string | vscode.LanguageModelChatRequestMessage,
    token: vscode.CancellationToken,
  ): Promise<number> {
    const { backend } = await this.model(id);
    if (typeof text === "string") return this.told(backend.countTokens(text, token));
    const parts = toMessages([text]).map((message) => message.text + JSON.stringify(message.toolCalls ?? ""));
    return this.told(backend.countTokens(parts.join("\n"), token));
  }

  private async model(id: string): Promise<OfferedModel> {
    const known = this.offered.get(id) ?? (await this.options.models(true)).find((model) => model.id === id);
    if (!known) throw plain(vscode.l10n.t("The model {0} is not there any more.", id));
    return known;
  }

  private async told<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof Cancelled) throw new vscode.CancellationError();
      throw plain(this.options.describe(error));
    }
  }
}

/** Its message is shown as it is; a stack would be shown too. */
function plain(message: string): Error {
  const error = new Error(message);
  delete error.stack;
  return error;
}
