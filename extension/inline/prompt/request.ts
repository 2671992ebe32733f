/** What a model is asked for a cursor. */
import type { PromptFile } from "../../../protocol/messages.js";
import type { CompletionRequest } from "../../backends/backend.js";
import { nearSuffix } from "./nearSuffix.js";
import { withoutTrailingBlanks } from "./trailingBlanks.js";

export interface Asked {
  prefix: string;
  suffix: string;
  /** As the model is to see it. */
  path: string;
  /** Parts of other files. */
  files: readonly PromptFile[];
}

/**
 * All before the cursor stands in the prefix: a model goes on from there better than from text that is given after the suffix, as if it
 * had written that (docs/benchmarks/inline.md). What follows the cursor is read again for each request, so it is short.
 * @param infill whether the model has the tokens for it: without them it can't make sense of what follows the cursor
 */
export function requestFor({ prefix, suffix, path, files }: Asked, infill: boolean): CompletionRequest {
  const before = { prefix: withoutTrailingBlanks(prefix), typing: true };
  if (!infill) return before;
  return { ...before, suffix: nearSuffix(suffix), path, ...(files.length > 0 && { files: [...files] }) };
}
