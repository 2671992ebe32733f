import type { LlamaModel } from "node-llama-cpp";

/**
 * llama.cpp (v0.5.0) aborts on PLM with flash attention, for a reason that src/plan/model.cpp tells. Without it several tokens at
 * once have other bits than one by one, so that their guesses cannot be checked.
 */
export const takesFlashAttention = (model: LlamaModel): boolean => {
  const architecture: string = model.fileInfo.metadata.general.architecture;
  return architecture !== "plm";
};
