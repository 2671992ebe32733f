import type { LlamaModel } from "node-llama-cpp";

/**
 * llama.cpp (v0.5.0) aborts on PLM with flash attention; src/gguf/model.cpp explains why. Without flash attention a batch of
 * tokens gives other bits than the same tokens one by one, so guesses cannot be checked.
 */
export const takesFlashAttention = (model: LlamaModel): boolean => {
  const architecture: string = model.fileInfo.metadata.general.architecture;
  return architecture !== "plm";
};
