/** Makes the models known to VS Code. */
import * as vscode from "vscode";
import type { OfferedModel } from "./offered.js";
import { FlintChatProvider, vendor } from "./provider.js";
import { offerUtilityModels } from "./utilityModels.js";
import { offerVscodeChat } from "./vscodeChat.js";

export interface LanguageModelsOptions {
  /** @param silent nobody is there to read what is wrong */
  models(silent: boolean): Promise<OfferedModel[]>;
  /** Fires when others may be offered, or the same with other limits. */
  onDidChange: vscode.Event<void>;
  describe(error: unknown): string;
  memento: vscode.Memento;
  log(line: string): void;
}

export function registerLanguageModels(options: LanguageModelsOptions): vscode.Disposable {
  const { models, memento, log } = options;
  const provider = new FlintChatProvider({ ...options, models });
  const answered = provider.provideLanguageModelChatResponse.bind(provider);
  provider.provideLanguageModelChatResponse = async (model, ...rest) => {
    await answered(model, ...rest);
    offerUtilityModels(memento, `${vendor}/${model.id}`).catch((error: unknown) =>
      log(`utility models: ${String(error)}`),
    );
  };
  const offer = () => offerVscodeChat(memento, log).catch((error: unknown) => log(`VS Code's chat: ${String(error)}`));
  const registered = vscode.lm.registerLanguageModelChatProvider(vendor, provider);
  void offer();
  return vscode.Disposable.from(registered, options.onDidChange(offer));
}
