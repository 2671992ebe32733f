/** Models that are all in memory beside the one that may be streamed: a draft model, an inline model. */
import { basename } from "node:path";
import * as l10n from "@vscode/l10n";
import type { Llama, LlamaContext, LlamaModel } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode } from "../../protocol/messages.js";
import { takesFlashAttention } from "./attention.js";
import type { Flash, FlashModel, Planner } from "./flash.js";

/** Prompt tokens at once: small in memory, and soon over when it is cancelled. */
const residentBatchTokens = 64;

export interface ResidentPlan {
  modelPath: string;
  /** Tokens. */
  contextTokens: number;
  threads: number;
  weightBytes: number;
  kvBytes: number;
  /** All that it takes of the cap beside another model. */
  bytes: number;
  /** The smallest cap that it could be loaded under alone, before anything else is. */
  capBytes: number;
}

export type ResidentRequest = Pick<ResidentPlan, "modelPath" | "contextTokens" | "threads">;

/**
 * What a model takes with all weights in memory.
 * @throws ResponseError NotAModel.
 */
export function planResident(
  flash: Pick<Planner, "plan">,
  { modelPath, contextTokens, threads }: ResidentRequest,
): ResidentPlan {
  const request = { modelPath, threads, contextTokens, ramCapBytes: Number.MAX_SAFE_INTEGER };
  const { wholeCapBytes: capBytes } = flash.plan(request);
  if (capBytes === 0) {
    throw engineError(
      ErrorCode.NotAModel,
      l10n.t("{0} is converted, to be read from flash. Choose the model that it was made from.", basename(modelPath)),
    );
  }
  const { plan, vocabularyBytes } = flash.plan({ ...request, ramCapBytes: capBytes });
  const weightBytes = plan.weights.residentBytes;
  const bytes = weightBytes + plan.kvBytes + plan.computeBytes + vocabularyBytes;
  return { modelPath, contextTokens, threads, weightBytes, kvBytes: plan.kvBytes, bytes, capBytes };
}

export interface ResidentModel {
  model: LlamaModel;
  context: LlamaContext;
  served: FlashModel;
  dispose(): Promise<void>;
}

/**
 * Loads it. llama.cpp keeps all of its weights, and our workers compute with them.
 * @param onProgress is called with the share that is loaded, from 0 to 1
 * @throws ResponseError NotAModel; the signal's reason.
 */
export async function loadResident(
  llama: Llama,
  flash: Flash,
  { modelPath, contextTokens, threads, capBytes }: Omit<ResidentPlan, "weightBytes" | "kvBytes" | "bytes">,
  signal: AbortSignal,
  onProgress: (share: number) => void = () => undefined,
): Promise<ResidentModel> {
  let model: LlamaModel | undefined;
  const served = flash.open({ modelPath, contextTokens, threads, ramCapBytes: capBytes });
  const dispose = async () => {
    await model?.dispose();
    served[Symbol.dispose]();
  };
  try {
    return await served.load(async (path) => {
      model = await llama.loadModel({
        modelPath: path,
        gpuLayers: 0,
        useMmap: false,
        useDirectIo: true,
        ignoreMemorySafetyChecks: true,
        loadSignal: signal,
        onLoadProgress: onProgress,
      });
      const context = await smallBatchContext(model, { contextTokens, threads }, signal);
      return { model, context, served, dispose };
    });
  } catch (error) {
    await dispose();
    signal.throwIfAborted();
    throw engineError(ErrorCode.NotAModel, l10n.t("{0} cannot be loaded: {1}", modelPath, String(error)));
  }
}

/** A context for what is short, as a rule, and soon out of date. @throws the signal's reason */
export const smallBatchContext = (
  model: LlamaModel,
  { contextTokens, threads }: Pick<ResidentPlan, "contextTokens" | "threads">,
  signal: AbortSignal,
): Promise<LlamaContext> =>
  model.createContext({
    contextSize: contextTokens,
    batchSize: Math.min(contextTokens, residentBatchTokens),
    sequences: 1,
    threads: exactly(threads),
    flashAttention: takesFlashAttention(model),
    ignoreMemorySafetyChecks: true,
    failedCreationRemedy: false,
    createSignal: signal,
  });

/**
 * So many threads for a pass or none: where that many are not free (`Runtime.limitThreads`) it waits until the pass of another
 * context has ended, rather than have both spin on the same cores.
 */
export const exactly = (threads: number): { ideal: number; min: number } => ({ ideal: threads, min: threads });
