/** What is asked of the loaded chat model's vocabulary: it waits for no generation, and ends when the model is unloaded. */
import * as l10n from "@vscode/l10n";
import { engineError } from "../../protocol/errors.js";
import {
  type CountPromptTokensParams,
  type CountPromptTokensResult,
  type CountTokensParams,
  type CountTokensResult,
  type DetokenizeParams,
  type DetokenizeResult,
  ErrorCode,
  type RenderPromptResult,
  type TokenizeParams,
  type TokenizeResult,
} from "../../protocol/messages.js";
import { measurePrompt, promptText } from "./chatPrompt.js";
import type { LoadedModels } from "./loading.js";
import { countTokens } from "./tokenization.js";
import { ownTokens } from "./tokens.js";

/** @returns the error of a request without a model */
export const noModel = () => engineError(ErrorCode.InvalidState, l10n.t("No model is loaded."));

export class TokenQueries {
  readonly #loaded: () => LoadedModels | undefined;

  constructor(loaded: () => LoadedModels | undefined) {
    this.#loaded = loaded;
  }

  /** @throws ResponseError InvalidState; the signal's reason. */
  countTokens({ text }: CountTokensParams, signal: AbortSignal): Promise<CountTokensResult> {
    return this.#whileLoaded(signal, async ({ chat }, either) => ({
      tokens: await countTokens(chat.model, text, { signal: either }),
    }));
  }

  /** As `countTokens`, of a conversation in the model's chat template. */
  countPromptTokens(params: CountPromptTokensParams, signal: AbortSignal): Promise<CountPromptTokensResult> {
    return this.#whileLoaded(signal, ({ chat }, either) =>
      measurePrompt(chat.sequence, chat.chatWrapper, params, either),
    );
  }

  /** @throws ResponseError InvalidArgument where a result belongs to no call; InvalidState, NotAModel. */
  renderPrompt(params: CountPromptTokensParams): RenderPromptResult {
    const { model, chatWrapper } = this.#current().chat;
    return { text: promptText(model, chatWrapper, params) };
  }

  /** @throws ResponseError InvalidState. */
  tokenize({ text, specialTokens = false, start = false }: TokenizeParams): TokenizeResult {
    const { model } = this.#current().chat;
    const { bos, shouldPrependBosToken } = model.tokens;
    const beginning = start && shouldPrependBosToken && bos !== null ? [bos] : [];
    return { tokens: [...beginning, ...model.tokenize(text, specialTokens)] };
  }

  /** @throws ResponseError InvalidArgument, InvalidState. */
  detokenize({ tokens }: DetokenizeParams): DetokenizeResult {
    const { model } = this.#current().chat;
    return { text: model.detokenize(ownTokens(model, tokens), true) };
  }

  #current(): LoadedModels {
    const loaded = this.#loaded();
    if (!loaded) throw noModel();
    return loaded;
  }

  async #whileLoaded<T>(
    signal: AbortSignal,
    work: (loaded: LoadedModels, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const loaded = this.#current();
    const either = AbortSignal.any([signal, loaded.unloaded.signal]);
    try {
      return await work(loaded, either);
    } catch (error) {
      throw loaded.unloaded.signal.aborted ? noModel() : error;
    }
  }
}
