/** A draft model: small, with the same vocabulary, all in memory. It guesses tokens while the large one is streamed. */
import { basename } from "node:path";
import { DraftSequenceTokenPredictor, type Llama, type LlamaModel, type TokenPredictor } from "node-llama-cpp";
import { ErrorCode, type Plan } from "../protocol.js";
import { engineError } from "./errors.js";
import type { Flash, FlashPlan, FlashRequest } from "./flash.js";

export interface Draft {
  predictor: TokenPredictor;
  dispose(): Promise<void>;
}

/** Whether one pass over the weights may check guesses: of a mixture of experts each guess would want its own. */
export const guesses = ({ weights }: Plan): boolean => weights.streamedBytes > 0 && weights.expertCacheBytes === 0;

/**
 * Plans a model, beside its draft model if one is asked for and weights are streamed.
 * @throws ResponseError NotAModel, InvalidArgument, ReadFailed.
 */
export function planWithDraft(flash: Flash, request: FlashRequest): FlashPlan & { ramCapBytes: number } {
  const { draftModelPath, ...alone } = request;
  const { ramCapBytes } = request;
  if (draftModelPath === undefined) return { ...flash.measuredPlan(alone), ramCapBytes };
  const { plan } = flash.plan(alone);
  if (!guesses(plan)) return { ...flash.measuredPlan(alone), ramCapBytes };
  const draft = flash.plan({
    modelPath: draftModelPath,
    ramCapBytes: Number.MAX_SAFE_INTEGER,
    contextTokens: plan.contextTokens,
    threads: 1,
  });
  const { weights, kvBytes, computeBytes } = draft.plan;
  const draftBytes = weights.residentBytes + kvBytes + computeBytes + draft.vocabularyBytes;
  const left = Math.max(1, ramCapBytes - draftBytes);
  const beside = flash.measuredPlan({ ...alone, ramCapBytes: left });
  const minimumCapBytes = beside.plan.minimumCapBytes + draftBytes;
  return { ...beside, plan: { ...beside.plan, draftBytes, minimumCapBytes }, ramCapBytes: left };
}

/** Prompt tokens at once, while the large model reads them too: small in memory. */
const batchTokens = 64;
/** Code and words, to tell vocabularies apart: those of one family give the same tokens. */
const sample =
  "function twoSum(numbers: number[], target = 0x1f) {\n\treturn `naïve ` + numbers.length; // über 12345\n}\n";

/**
 * Loads it for `model`'s context. Nothing of it is served by our backend.
 * @param maximumTokens of one guess
 * @throws ResponseError InvalidArgument where the vocabularies differ, NotAModel; the signal's reason.
 */
export async function loadDraft(
  llama: Llama,
  modelPath: string,
  model: LlamaModel,
  { contextTokens, maximumTokens }: { contextTokens: number; maximumTokens: number },
  signal: AbortSignal,
): Promise<Draft> {
  const draft = await llama
    .loadModel({
      modelPath,
      gpuLayers: 0,
      useMmap: false,
      useDirectIo: true,
      ignoreMemorySafetyChecks: true,
      loadSignal: signal,
    })
    .catch((error: unknown) => {
      signal.throwIfAborted();
      throw engineError(ErrorCode.NotAModel, `The draft model ${modelPath} cannot be loaded: ${error}`);
    });
  try {
    if (draft.tokenize(sample).join() !== model.tokenize(sample).join()) {
      throw engineError(
        ErrorCode.InvalidArgument,
        `The draft model ${basename(modelPath)} has another vocabulary than the model. Choose a small one of the same family, or none.`,
      );
    }
    const context = await draft.createContext({
      contextSize: contextTokens,
      batchSize: Math.min(contextTokens, batchTokens),
      sequences: 1,
      // A team of threads would wait for each other in a loop, on the cores that the large model needs.
      threads: 1,
      ignoreMemorySafetyChecks: true,
      failedCreationRemedy: false,
      createSignal: signal,
    });
    const sequence = context.getSequence();
    const predictor = new DraftSequenceTokenPredictor(sequence, {
      minTokens: 1,
      maxTokens: maximumTokens,
      evaluateOptions: { temperature: 0 },
    });
    return { predictor, dispose: () => draft.dispose() };
  } catch (error) {
    await draft.dispose();
    throw error;
  }
}
