/** Reads a prompt into the KV cache, telling how far it is and stopping when told. */
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import type { GenerationProgress } from "../protocol.js";
import { orLeave, type Stoppable } from "./stop.js";

export interface PrefillContext extends Stoppable {
  sequence: LlamaContextSequence;
  /** Tokens of the prompt evaluated in one go: a pass over the weights. */
  chunkTokens: number;
  onProgress(progress: GenerationProgress): void;
  /** Called as a pass begins. @returns how much of it is done, from 0 to 1; 0 where nothing tells */
  startPass(): () => number;
  /** To be awaited before each pass: somebody else may go first. */
  beforePass(): Promise<void>;
  /** Called when the prompt is read: from now on a batch is a token and guesses of those that follow. */
  onDecode(): void;
  /** What was left behind on this sequence before, which must end first. */
  leftBehind: Promise<unknown>;
}

const progressIntervalMs = 250;

/**
 * Reads a prompt but for its last pass, keeping what is there already. That pass gives the first token too, so it belongs to
 * the evaluation: see `withPrompt`. Returns early when the signal says so.
 */
export async function prefill(context: PrefillContext, prompt: Token[]): Promise<void> {
  const { sequence, chunkTokens, signal, leftBehind } = context;
  await orLeave(context, leftBehind);
  if (signal.aborted) return;
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  while (sequence.nextTokenIndex + chunkTokens < prompt.length) {
    await context.beforePass();
    if (signal.aborted) return;
    const readTokens = sequence.nextTokenIndex;
    const chunk = prompt.slice(readTokens, readTokens + chunkTokens);
    const stopTelling = telling(context, readTokens, chunk.length, prompt.length);
    try {
      await orLeave(context, sequence.evaluateWithoutGeneratingNewTokens(chunk));
    } finally {
      stopTelling();
    }
    if (signal.aborted) return;
  }
}

/** The tokens of an evaluation that begins with `rest` of a prompt. */
export async function* withPrompt<Value, Replacement>(
  evaluation: AsyncGenerator<Value, void, Replacement | undefined>,
  context: PrefillContext,
  rest: readonly Token[],
): AsyncGenerator<Value, void, Replacement | undefined> {
  try {
    const totalTokens = context.sequence.nextTokenIndex + rest.length;
    const stopTelling = telling(context, context.sequence.nextTokenIndex, rest.length, totalTokens);
    // One token may have guesses beside it.
    if (rest.length === 1) context.onDecode();
    let step = await evaluation.next().finally(stopTelling);
    if (rest.length > 1) context.onDecode();
    if (!context.signal.aborted) context.onProgress({ kind: "prompt", readTokens: totalTokens, totalTokens });
    while (!step.done) step = await evaluation.next(yield step.value);
  } finally {
    await evaluation.return();
  }
}

/** Tells how far the pass is that begins now. @returns to be called at its end */
function telling(context: PrefillContext, readTokens: number, passTokens: number, totalTokens: number): () => void {
  const share = context.startPass();
  const tell = () => {
    const passed = Math.floor(Math.min(share(), 1) * passTokens);
    if (!context.signal.aborted) {
      context.onProgress({ kind: "prompt", readTokens: readTokens + passed, totalTokens });
    }
  };
  tell();
  const timer = setInterval(tell, progressIntervalMs);
  return () => clearInterval(timer);
}
