/** Fill-in-the-middle prompts with the model's own tokens, in prefix-suffix-middle order. */
import type { LlamaModel, Token } from "node-llama-cpp";

/** Whether the vocabulary names the three tokens that an infill needs. */
export function supportsInfill(model: LlamaModel): boolean {
  const { prefix, suffix, middle } = model.tokens.infill;
  return prefix !== null && suffix !== null && middle !== null;
}

/** The ids that ask for what stands between `before` and `after`. */
export function infillPrompt(model: LlamaModel, before: string, after: string): Token[] {
  const { infill, bos, shouldPrependBosToken } = model.tokens;
  const start = shouldPrependBosToken ? [bos] : [];
  return [
    ...start,
    infill.prefix,
    ...model.tokenize(before, false, "trimLeadingSpace"),
    infill.suffix,
    ...model.tokenize(after, false, "trimLeadingSpace"),
    infill.middle,
  ].filter((token) => token !== null);
}
