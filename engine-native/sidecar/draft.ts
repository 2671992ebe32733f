/** A draft model: small, with the same vocabulary, all in memory. It guesses tokens while the large one is streamed. */
import { basename } from "node:path";
import * as l10n from "@vscode/l10n";
import type { Llama, LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { estimate, estimateWithDraft } from "../../protocol/estimate.js";
import { ErrorCode, type Plan } from "../../protocol/messages.js";
import type { Flash, FlashPlan, FlashRequest, Planner } from "./flash.js";
import type { SequenceCache } from "./kvCache/sequenceCache.js";
import { decimal, memorySize, memorySizeAtLeast } from "./language.js";
import { loadResident, planResident } from "./residentModel.js";
import type { Guesser } from "./speculation.js";

export interface Draft {
  guesser: Guesser;
  /** Absent where nothing of it is kept on disk. */
  cache: SequenceCache | undefined;
  dispose(): Promise<void>;
}

/** A team of threads would wait for each other in a loop, on the cores that the large model needs. */
const draftThreads = 1;

/** How many times as fast a draft model must be expected to make a model: less is within the error of an estimate. */
const worthwhile = 1.25;

/** Whether each pass reads the same weights. */
export const readsAlike = ({ weights }: Plan): boolean => weights.streamedBytes > 0 && weights.expertCacheBytes === 0;

/**
 * Whether one pass over the weights may check guesses: of a mixture of experts each guess would want its own, and a GPU computes
 * several tokens with other bits than one.
 */
export const guesses = (plan: Plan): boolean => readsAlike(plan) && plan.gpu === undefined;

/**
 * Plans a model, beside its draft model if one is asked for, has room, and is expected to make the model faster.
 * @throws ResponseError NotAModel, InvalidArgument, ReadFailed.
 */
export function planWithDraft(flash: Planner, request: FlashRequest): FlashPlan & { ramCapBytes: number } {
  const { draftModelPath, ...alone } = request;
  const { ramCapBytes } = request;
  const without = { ...flash.measuredPlan(alone), ramCapBytes };
  if (draftModelPath === undefined || !without.plan.fits) return without;
  const refused = (why: string) => {
    const draftRefusal = { reason: l10n.t("The draft model {0} is not loaded: {1}.", basename(draftModelPath), why) };
    return { ...without, plan: { ...without.plan, draftRefusal } };
  };
  const { plan } = without;
  if (plan.weights.streamedBytes === 0) {
    return refused(l10n.t("nothing is streamed from disk, so a draft model would save no time"));
  }
  if (!readsAlike(plan)) {
    return refused(
      l10n.t(
        "this is a mixture-of-experts model: checking a guess would read other experts from disk, which saves no time",
      ),
    );
  }
  if (plan.gpu) return refused(l10n.t("part of the model is on the GPU, where guessing ahead could change the answer"));
  const { contextTokens, measured } = plan;
  const draftRequest = { modelPath: draftModelPath, contextTokens, threads: draftThreads };
  const { bytes: draftBytes, capBytes } = planResident(flash, draftRequest);
  const left = Math.max(1, ramCapBytes - draftBytes);
  // What is asked of the cap is the same with and without the draft model.
  const { plan: least } = flash.plan({ ...alone, contextTokens, ramCapBytes: left });
  if (!least.fits) {
    const needed = memorySizeAtLeast(least.minimumCapBytes + draftBytes);
    return refused(
      l10n.t("both models need at least {0} with this context; the cap is {1}", needed, memorySize(ramCapBytes)),
    );
  }
  const beside = flash.measuredPlan({ ...alone, contextTokens, ramCapBytes: left });
  const draft = flash.measuredPlan({ ...draftRequest, ramCapBytes: capBytes }).plan;
  if (measured && beside.plan.measured && draft.estimatedTokensPerSecond) {
    const slower = estimate(plan.weights, measured);
    const faster = estimateWithDraft(beside.plan, beside.plan.measured, 1 / draft.estimatedTokensPerSecond);
    if (faster < worthwhile * slower) {
      return refused(
        l10n.t(
          "about {0} tokens/s are expected with it and {1} without, as it takes {2} of the cap",
          decimal(faster),
          decimal(slower),
          memorySize(draftBytes),
        ),
      );
    }
    beside.plan.estimatedTokensPerSecond = faster;
  }
  const minimumCapBytes = beside.plan.minimumCapBytes + draftBytes;
  return { ...beside, plan: { ...beside.plan, draftBytes, minimumCapBytes }, ramCapBytes: left };
}

/** Code and words, to tell vocabularies apart: those of one family give the same tokens. */
const sample =
  "function twoSum(numbers: number[], target = 0x1f) {\n\treturn `naïve ` + numbers.length; // über 12345\n}\n";

/**
 * Loads it for `model`'s context.
 * @param cacheOf what is kept on disk of its sequence, with so many bytes of KV cache for each token
 * @throws ResponseError InvalidArgument where the vocabularies differ, NotAModel; the signal's reason.
 */
export async function loadDraft(
  llama: Llama,
  flash: Flash,
  modelPath: string,
  model: LlamaModel,
  contextTokens: number,
  signal: AbortSignal,
  cacheOf: (sequence: LlamaContextSequence, bytesPerToken: number) => SequenceCache | undefined,
): Promise<Draft> {
  const wanted = planResident(flash, { modelPath, contextTokens, threads: draftThreads });
  const { model: draft, context, dispose } = await loadResident(llama, flash, wanted, signal);
  try {
    if (draft.tokenize(sample).join() !== model.tokenize(sample).join()) {
      throw engineError(
        ErrorCode.InvalidArgument,
        l10n.t(
          "The draft model {0} does not have the same vocabulary as the chat model. Choose a small model of the chat model's family, or no draft model.",
          basename(modelPath),
        ),
      );
    }
    const sequence = context.getSequence();
    const cache = cacheOf(sequence, wanted.kvBytes / contextTokens);
    return { guesser: new DraftGuesser(sequence, cache), cache, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Says greedily how the text goes on, for as long as that is likely enough to save time. */
class DraftGuesser implements Guesser {
  readonly #sequence: LlamaContextSequence;
  readonly #cache: SequenceCache | undefined;
  #tokens: Token[] = [];
  /** That one more token takes, in milliseconds, with what is old counting ever less. */
  #draftMs: number | undefined;

  constructor(sequence: LlamaContextSequence, cache: SequenceCache | undefined) {
    this.#sequence = sequence;
    this.#cache = cache;
  }

  async reset(tokens: readonly Token[]): Promise<void> {
    this.#tokens = [...tokens];
    await this.#cache?.restore(this.#tokens);
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
