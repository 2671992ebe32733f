import * as l10n from "@vscode/l10n";
import { ErrorCode, engineError } from "./errors.js";
import type { LoadResult } from "./messages.js";

/**
 * To be called before a question: a base model would go on with it instead of answering it.
 * @throws ResponseError NotAModel, with what to do instead
 */
export function requireChatTemplate({ name, chatTemplate, chatNote }: LoadResult): void {
  if (chatTemplate !== "none") return;
  throw engineError(
    ErrorCode.NotAModel,
    chatNote ??
      l10n.t(
        "{0} is a base model, which was not trained to answer questions. For chat, choose a model whose name says Instruct or Chat.",
        name,
      ),
  );
}
