/** Values of the protocol, and what else unit tests share. */
import { type GenerationResult, type LoadResult, noFlash, type Plan } from "../protocol/messages.js";

export function generationResult(
  text: string,
  finishReason: GenerationResult["finishReason"] = "stop",
): GenerationResult {
  return {
    modelPath: "/models/a.gguf",
    text,
    tokens: [],
    promptTokens: [],
    cachedPromptTokens: 0,
    omittedMessages: [],
    finishReason,
    timeToFirstTokenMs: 1,
    msPerToken: { mean: 100, median: 100, p95: 100 },
    tokensPerSecond: 10,
    flash: noFlash,
  };
}

export const plan: Plan = {
  fits: true,
  minimumCapBytes: 1024 ** 3,
  maximumContext: 8192,
  contextTokens: 4096,
  weights: {
    residentBytes: 1024 ** 3,
    pinnedBytes: 0,
    streamedBytes: 0,
    rowReadBytes: 0,
    expertCacheBytes: 0,
    neuronCacheBytes: 0,
  },
  kvBytes: 0,
  computeBytes: 0,
  stagingBytes: 0,
  draftBytes: 0,
  inlineBytes: 0,
  processBytes: 0,
  estimatedTokensPerSecond: 5.23,
};

export const loaded: LoadResult = {
  name: "Storage",
  architecture: "llama",
  contextTokens: 4096,
  infill: false,
  chatTemplate: "model",
  thinking: "none",
  plan,
};

/** A promise that is settled from outside. */
export function withResolvers<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}
