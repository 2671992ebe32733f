/** A draft model: small, with the same vocabulary, all in memory. It guesses tokens while the large one is streamed. */
import { basename } from "node:path";
import { DraftSequenceTokenPredictor, type Llama, type LlamaModel, type TokenPredictor } from "node-llama-cpp";
import { ErrorCode, type Plan } from "../protocol.js";
import { engineError } from "./errors.js";
import type { Flash, FlashPlan, FlashRequest } from "./flash.js";
import { loadWhole, planWhole } from "./whole.js";

export interface Draft {
  predictor: TokenPredictor;
  dispose(): Promise<void>;
}

/** A team of threads would wait for each other in a loop, on the cores that the large model needs. */
const draftThreads = 1;

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
  const wanted = { modelPath: draftModelPath, contextTokens: plan.contextTokens, threads: draftThreads };
  const { bytes: draftBytes } = planWhole(flash, wanted);
  const left = Math.max(1, ramCapBytes - draftBytes);
  const beside = flash.measuredPlan({ ...alone, ramCapBytes: left });
  const minimumCapBytes = beside.plan.minimumCapBytes + draftBytes;
  return { ...beside, plan: { ...beside.plan, draftBytes, minimumCapBytes }, ramCapBytes: left };
}

/** Code and words, to tell vocabularies apart: those of one family give the same tokens. */
const sample =
  "function twoSum(numbers: number[], target = 0x1f) {\n\treturn `naïve ` + numbers.length; // über 12345\n}\n";

/**
 * Loads it for `model`'s context.
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
  const wanted = { modelPath, contextTokens, threads: draftThreads };
  const { model: draft, context } = await loadWhole(llama, wanted, signal);
  try {
    if (draft.tokenize(sample).join() !== model.tokenize(sample).join()) {
      throw engineError(
        ErrorCode.InvalidArgument,
        `The draft model ${basename(modelPath)} has another vocabulary than the model. Choose a small one of the same family, or none.`,
      );
    }
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
