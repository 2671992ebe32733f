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
  /** What was left behind on this sequence before, which must end first. */
  leftBehind: Promise<unknown>;
}

const progressIntervalMs = 250;

/** Reads all but the last token, keeping what is there already. Returns early when the signal says so. */
export async function prefill(context: PrefillContext, prompt: Token[]): Promise<void> {
  const { sequence, chunkTokens, signal, onProgress, leftBehind } = context;
  await orLeave(context, leftBehind);
  if (signal.aborted) return;
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  const totalTokens = prompt.length;
  const tell = (readTokens: number) => onProgress({ kind: "prompt", readTokens, totalTokens });
  let readTokens = sequence.nextTokenIndex;
  while (readTokens < totalTokens - 1 && !signal.aborted) {
    tell(readTokens);
    await context.beforePass();
    if (signal.aborted) break;
    const chunk = prompt.slice(readTokens, Math.min(readTokens + chunkTokens, totalTokens - 1));
    await pass(context, chunk, (share) => tell(readTokens + Math.floor(share * chunk.length)));
    readTokens += signal.aborted ? 0 : chunk.length;
  }
  tell(signal.aborted ? readTokens : totalTokens);
}

async function pass(context: PrefillContext, chunk: Token[], onShare: (share: number) => void): Promise<void> {
  const share = context.startPass();
  const evaluated = context.sequence.evaluateWithoutGeneratingNewTokens(chunk);
  const timer = setInterval(() => onShare(Math.min(share(), 1)), progressIntervalMs);
  try {
    await orLeave(context, evaluated);
  } finally {
    clearInterval(timer);
  }
}
