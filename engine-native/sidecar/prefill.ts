/** Reads a prompt into the KV cache, reports progress, and stops when the signal is aborted. */
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import type { GenerationProgress } from "../../protocol/messages.js";
import { isLong, type SequenceCache } from "./kvCache/sequenceCache.js";
import { abandonOnAbort, type Stoppable } from "./stop.js";

export interface PrefillContext extends Stoppable {
  sequence: LlamaContextSequence;
  /** Absent where nothing of it is kept on disk. */
  cache: SequenceCache | undefined;
  /** Tokens of the prompt evaluated in one go: a pass over the weights. */
  chunkTokens: number;
  /** Of the conversation. */
  sessionId?: string | undefined;
  onProgress(progress: GenerationProgress): void;
  /** Called as a pass begins. @returns how much of it is done, from 0 to 1; 0 where that is not known */
  startPass(): () => number;
  /** To be awaited before each pass: the inline model may go first. */
  beforePass(): Promise<void>;
  /** Called when the prompt is read: from now on a batch is a token and guesses of those that follow. */
  onDecode(): void;
  /** Work abandoned earlier on this sequence, which must end first. */
  abandoned: Promise<unknown>;
}

const progressIntervalMs = 250;

/**
 * Reads a prompt but for its last pass, keeping what is there already, in memory or on disk. That pass gives the first token too, so it belongs to
 * the evaluation: see `withPrompt`. Returns early when the signal is aborted.
 * @param borders places in the prompt where another one may part from it. A model whose state cannot be taken back, as one with
 *   recurrent layers, is kept there as it is, and once more before the last token
 * @returns how many of its tokens were there already
 */
export async function prefill(
  context: PrefillContext,
  prompt: Token[],
  borders: readonly number[] = [],
): Promise<number> {
  const { sequence, cache, chunkTokens, signal, abandoned } = context;
  await abandonOnAbort(context, abandoned);
  if (signal.aborted) return 0;
  if (cache) await abandonOnAbort(context, cache.restore(prompt, signal));
  if (signal.aborted) return 0;
  await abandonOnAbort(context, sequence.adaptStateToTokens(prompt.slice(0, -1), false));
  const cachedTokens = sequence.nextTokenIndex;
  const checkpoints = sequence.needsCheckpoints ? [...borders, prompt.length - 1] : [];
  // Alone, as it is where all before it comes from the disk another time: in a batch it may have other bits, and so another answer.
  const last = cache && isLong(prompt.length - cachedTokens) ? prompt.length - 1 : prompt.length;
  while (!signal.aborted) {
    const readTokens = sequence.nextTokenIndex;
    const checkpoint = checkpoints.find((place) => place > readTokens) ?? Number.POSITIVE_INFINITY;
    const end = Math.min(readTokens + chunkTokens, checkpoint, Math.max(last, readTokens + 1));
    if (end >= prompt.length) break;
    await context.beforePass();
    if (signal.aborted) break;
    const chunk = prompt.slice(readTokens, end);
    const stopReporting = reportPass(context, readTokens, chunk.length, prompt.length);
    try {
      await abandonOnAbort(context, sequence.evaluateWithoutGeneratingNewTokens(chunk));
    } finally {
      stopReporting();
    }
    if (end === checkpoint && !signal.aborted) {
      await sequence.takeCheckpoint();
      // Where it ends the answer, it cannot be taken back to here.
      if (cache) await abandonOnAbort(context, cache.save(context.sessionId));
    }
  }
  return cachedTokens;
}

/** The tokens of an evaluation that begins with `rest` of a prompt. */
export async function* withPrompt<Value, Replacement>(
  evaluation: AsyncGenerator<Value, void, Replacement | undefined>,
  context: PrefillContext,
  rest: readonly Token[],
): AsyncGenerator<Value, void, Replacement | undefined> {
  try {
    const totalTokens = context.sequence.nextTokenIndex + rest.length;
    const stopReporting = reportPass(context, context.sequence.nextTokenIndex, rest.length, totalTokens);
    // One token may have guesses beside it.
    if (rest.length === 1) context.onDecode();
    let step = await evaluation.next().finally(stopReporting);
    if (rest.length > 1) context.onDecode();
    if (!context.signal.aborted) context.onProgress({ kind: "prompt", readTokens: totalTokens, totalTokens });
    while (!step.done) step = await evaluation.next(yield step.value);
  } finally {
    await evaluation.return();
  }
}

/** Reports how far the pass is that begins now. @returns to be called at its end */
function reportPass(context: PrefillContext, readTokens: number, passTokens: number, totalTokens: number): () => void {
  const share = context.startPass();
  const report = () => {
    const passed = Math.floor(Math.min(share(), 1) * passTokens);
    if (!context.signal.aborted) {
      context.onProgress({ kind: "prompt", readTokens: readTokens + passed, totalTokens });
    }
  };
  report();
  const timer = setInterval(report, progressIntervalMs);
  return () => clearInterval(timer);
}
