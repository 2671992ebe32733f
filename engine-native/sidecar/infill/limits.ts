/** Keeps long texts from being read where no context could hold them: a client may send many megabytes. */
import * as l10n from "@vscode/l10n";
import type { LlamaModel } from "node-llama-cpp";
import type { CompleteParams } from "../../../protocol/messages.js";
import { countTokens, leastTokens, tooLong } from "../tokenization.js";

/** In UTF-16 units, for each token that there is room for: four times what code has. */
const longTokens = 16;

/**
 * @param contextTokens how many tokens the text may have
 * @throws ResponseError InvalidArgument where it has more; the signal's reason
 */
export async function requireShort(
  model: LlamaModel,
  { prefix, suffix, promptTokens }: CompleteParams,
  contextTokens: number,
  signal: AbortSignal,
): Promise<void> {
  if (promptTokens) return;
  let tokens = 0;
  for (const text of [prefix, suffix ?? ""]) {
    // What is short enough has no more tokens than that; the prompt itself is checked afterwards.
    if (text.length <= contextTokens) continue;
    tokens += await countTokens(model, text, { most: contextTokens, signal });
    if (tokens > contextTokens) throw tooLong(l10n.t("The prompt"), tokens, contextTokens, true);
  }
}

/** What of the text is far from the cursor is left out, and so are files that no context of so many tokens could hold. */
export function shortened(model: LlamaModel, params: CompleteParams, contextTokens: number): CompleteParams {
  const { prefix, suffix, files } = params;
  const most = contextTokens * longTokens;
  return {
    ...params,
    prefix: endOf(prefix, most),
    ...(suffix !== undefined && { suffix: suffix.slice(0, most) }),
    ...(files && { files: files.filter(({ text }) => leastTokens(model, text) <= contextTokens) }),
  };
}

/**
 * The end of a text, of at most twice this length. What is cut off grows in steps of the length, so that the rest begins at the same
 * place while somebody types.
 */
function endOf(text: string, length: number): string {
  const cut = Math.floor((text.length - length) / length) * length;
  return cut <= 0 ? text : text.slice(cut);
}
