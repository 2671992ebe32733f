/** Reads a prompt into the KV cache, telling how far it is and stopping when told. */
import { setTimeout as after } from "node:timers/promises";
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import type { GenerationProgress } from "../protocol.js";

export interface PrefillContext {
  sequence: LlamaContextSequence;
  /** Tokens of the prompt evaluated in one go: a pass over the weights. */
  chunkTokens: number;
  signal: AbortSignal;
  onProgress(progress: GenerationProgress): void;
  /** Called as a pass begins. @returns how much of it is done, from 0 to 1; 0 where nothing tells */
  startPass(): () => number;
  /** To be awaited before each pass: somebody else may go first. */
  beforePass(): Promise<void>;
  /** Takes over work that goes on after its result is not wanted any more; what comes next must wait for it. */
  leaveBehind(work: Promise<unknown>): void;
}

const progressIntervalMs = 250;
/** A pass over streamed weights ends well within it; one of llama.cpp alone cannot be stopped, and is left behind. */
const stopMs = 100;

/** Reads all but the last token, keeping what is there already. Returns early when the signal says so. */
export async function prefill(context: PrefillContext, prompt: Token[]): Promise<void> {
  const { sequence, chunkTokens, signal, onProgress } = context;
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
  const { sequence, signal, startPass, leaveBehind } = context;
  const share = startPass();
  const evaluated = sequence.evaluateWithoutGeneratingNewTokens(chunk);
  const timer = setInterval(() => onShare(Math.min(share(), 1)), progressIntervalMs);
  const done = new AbortController();
  try {
    await Promise.race([evaluated, stopped(signal, done.signal)]);
    if (signal.aborted) leaveBehind(evaluated);
  } finally {
    clearInterval(timer);
    done.abort();
  }
}

/** Resolves a while after the signal; never when it is not needed any more. */
async function stopped(signal: AbortSignal, done: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true, signal: done });
  });
  await after(stopMs);
}
