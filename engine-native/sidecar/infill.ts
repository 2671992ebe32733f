/** Prompts that ask how a text goes on, or what stands in a gap: with the model's own tokens, in prefix-suffix-middle order. */
import type { LlamaModel, Token } from "node-llama-cpp";
import type { CompleteParams } from "../protocol.js";

/** Whether the vocabulary names the three tokens that an infill needs. */
export function supportsInfill(model: LlamaModel): boolean {
  const { prefix, suffix, middle } = model.tokens.infill;
  return prefix !== null && suffix !== null && middle !== null;
}

/** Of a text that is too long, in tokens, as much as there is room for; what is nearest to the cursor. */
export interface Room {
  before: number;
  after: number;
}

/** Of the room for a prompt, the share of what follows the cursor: it matters less. */
const shareAfter = 1 / 4;
/** Kept free in the context for an answer whose length is not limited. */
const answerTokens = 128;
/** BOS and the tokens of an infill. */
const markTokens = 4;

/** The ids that ask for what follows the prefix, before the suffix where there is one that the model can use. */
export function completionPrompt(model: LlamaModel, { prefix, suffix }: CompleteParams, room?: Room): Token[] {
  const { infill, bos, shouldPrependBosToken } = model.tokens;
  const start = shouldPrependBosToken && bos !== null ? [bos] : [];
  const fills = suffix !== undefined && supportsInfill(model);
  const all = model.tokenize(prefix, false, ...(fills ? (["trimLeadingSpace"] as const) : []));
  const before = room ? all.slice(Math.max(0, all.length - room.before)) : all;
  if (!fills) return [...start, ...before];
  const after = model.tokenize(suffix, false, "trimLeadingSpace").slice(0, room?.after);
  return [...start, infill.prefix, ...before, infill.suffix, ...after, infill.middle].filter((token) => token !== null);
}

/** As {@link completionPrompt}, with room for the answer in a context of so many tokens: what is far from the cursor is cut. */
export function cutPrompt(model: LlamaModel, params: CompleteParams, contextTokens: number): Token[] {
  const room = Math.max(1, contextTokens - markTokens - (params.maximumTokens ?? answerTokens));
  const after = Math.floor(room * shareAfter);
  const withAfter = params.suffix !== undefined && supportsInfill(model);
  return completionPrompt(model, params, { before: withAfter ? room - after : room, after });
}
