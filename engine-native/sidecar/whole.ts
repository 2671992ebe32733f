/** Models that are all in memory beside the one that may be streamed: a draft model, an inline model. */
import { basename } from "node:path";
import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";
import { ErrorCode } from "../protocol.js";
import { engineError } from "./errors.js";
import type { Flash } from "./flash.js";

/** Prompt tokens at once: small in memory, and soon over when it is cancelled. */
export const wholeBatchTokens = 64;

export interface WholePlan {
  modelPath: string;
  /** Tokens. */
  contextTokens: number;
  threads: number;
  weightBytes: number;
  /** All that it takes of the cap beside another model. */
  bytes: number;
  /** The smallest cap that it could be loaded under alone, before anything else is. */
  capBytes: number;
}

export type WholeRequest = Pick<WholePlan, "modelPath" | "contextTokens" | "threads">;

/**
 * What a model takes with all weights in memory.
 * @throws ResponseError NotAModel.
 */
export function planWhole(flash: Flash, { modelPath, contextTokens, threads }: WholeRequest): WholePlan {
  const request = { modelPath, threads, contextTokens, ramCapBytes: Number.MAX_SAFE_INTEGER };
  const { wholeCapBytes: capBytes } = flash.plan(request);
  if (capBytes === 0) {
    const message = `${basename(modelPath)} is converted, to be read from flash. Choose the model that it was made from.`;
    throw engineError(ErrorCode.NotAModel, message);
  }
  const { plan, vocabularyBytes } = flash.plan({ ...request, ramCapBytes: capBytes });
  const weightBytes = plan.weights.residentBytes;
  const bytes = weightBytes + plan.kvBytes + plan.computeBytes + vocabularyBytes;
  return { modelPath, contextTokens, threads, weightBytes, bytes, capBytes };
}

export interface WholeModel {
  model: LlamaModel;
  context: LlamaContext;
}

/**
 * Loads it. Nothing of it is served by our backend.
 * @param onProgress told how much of it is loaded, from 0 to 1
 * @throws ResponseError NotAModel; the signal's reason.
 */
export async function loadWhole(
  llama: Llama,
  { modelPath, contextTokens, threads }: WholeRequest,
  signal: AbortSignal,
  onProgress: (share: number) => void = () => undefined,
): Promise<WholeModel> {
  let model: LlamaModel | undefined;
  try {
    model = await llama.loadModel({
      modelPath,
      gpuLayers: 0,
      useMmap: false,
      useDirectIo: true,
      ignoreMemorySafetyChecks: true,
      loadSignal: signal,
      onLoadProgress: onProgress,
    });
    const context = await model.createContext({
      contextSize: contextTokens,
      batchSize: Math.min(contextTokens, wholeBatchTokens),
      sequences: 1,
      threads: exactly(threads),
      ignoreMemorySafetyChecks: true,
      failedCreationRemedy: false,
      createSignal: signal,
    });
    return { model, context };
  } catch (error) {
    await model?.dispose();
    signal.throwIfAborted();
    throw engineError(ErrorCode.NotAModel, `${modelPath} cannot be loaded: ${error}`);
  }
}

/**
 * So many threads for a pass or none: where there are no more (`Runtime.takeTurns`) it waits until another context's pass has
 * ended, rather than have two of them spin on the same cores.
 */
export const exactly = (threads: number): { ideal: number; min: number } => ({ ideal: threads, min: threads });
