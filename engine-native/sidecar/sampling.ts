/** How the next token is drawn, as node-llama-cpp is told. */
import type { GenerationParams } from "../../protocol/messages.js";

export function sampling({ temperature = 0, seed, topP, topK, minP }: GenerationParams) {
  return {
    temperature,
    ...(seed === undefined ? {} : { seed }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...(minP === undefined ? {} : { minP }),
  };
}

/** Undefined where the request asks for no penalty. */
export function penalties({ frequencyPenalty, presencePenalty }: GenerationParams) {
  if (frequencyPenalty === undefined && presencePenalty === undefined) return undefined;
  return { penalty: 1, frequencyPenalty: frequencyPenalty ?? 0, presencePenalty: presencePenalty ?? 0 };
}
