/** A draft model: small, with the same vocabulary, all in memory. It guesses tokens while the large one is streamed. */
import { basename } from "node:path";
import type { Llama, LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import { ErrorCode, type Plan } from "../protocol.js";
import { engineError } from "./errors.js";
import type { Flash, FlashPlan, FlashRequest } from "./flash.js";
import type { Guesser } from "./speculation.js";
import { loadWhole, planWhole } from "./whole.js";

export interface Draft {
  guesser: Guesser;
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
 * @throws ResponseError InvalidArgument where the vocabularies differ, NotAModel; the signal's reason.
 */
export async function loadDraft(
  llama: Llama,
  modelPath: string,
  model: LlamaModel,
  contextTokens: number,
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
    return { guesser: new DraftGuesser(context.getSequence()), dispose: () => draft.dispose() };
  } catch (error) {
    await draft.dispose();
    throw error;
  }
}

/** Says greedily how the text goes on, for as long as that is likely enough to save time. */
class DraftGuesser implements Guesser {
  readonly #sequence: LlamaContextSequence;
  #tokens: Token[] = [];
  /** That one more token takes, in milliseconds, with what is old counting ever less. */
  #draftMs: number | undefined;

  constructor(sequence: LlamaContextSequence) {
    this.#sequence = sequence;
  }

  async reset(tokens: readonly Token[]): Promise<void> {
    this.#tokens = [...tokens];
    await this.#sequence.evaluateWithoutGeneratingNewTokens((await this.#unread()).slice(0, -1));
  }

  push(tokens: readonly Token[]): void {
    this.#tokens.push(...tokens);
  }

  async guess(maximumTokens: number, tokenMs: number, checkMs: number): Promise<Token[]> {
    const guess: Token[] = [];
    const unread = await this.#unread();
    const steps = this.#sequence.evaluateWithMetadata(unread, { confidence: true }, { temperature: 0 });
    try {
      for (let chance = 1; guess.length < maximumTokens && chance * tokenMs > (this.#draftMs ?? 0) + checkMs; ) {
        const start = performance.now();
        const { value } = await steps.next();
        if (!value) break;
        const ms = performance.now() - start;
        // The first step also reads what was accepted meanwhile.
        if (guess.length > 0) this.#draftMs = this.#draftMs === undefined ? ms : 0.9 * this.#draftMs + 0.1 * ms;
        guess.push(value.token);
        chance *= value.confidence;
      }
    } finally {
      await steps.return();
    }
    return guess;
  }

  /** Forgets what was guessed wrongly. @returns what is to be read before the next guess */
  async #unread(): Promise<Token[]> {
    const tokens = this.#tokens.slice(1 - this.#sequence.contextSize);
    await this.#sequence.adaptStateToTokens(tokens.slice(0, -1), false);
    return tokens.slice(this.#sequence.nextTokenIndex);
  }
}
