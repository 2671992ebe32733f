import type { GenerationProgress, LoadProgress, PlanParams } from "../../protocol/messages.js";
import { promptSpeed } from "../../protocol/promptEstimate.js";

/** What is loaded, and within which limits. */
export interface EngineSettings {
  /** A `.gguf` file; of a split model its first part. */
  modelPath: string;
  /** The cap on all memory of the sidecar, in bytes. */
  ramCapBytes: number;
  /** Tokens of context; absent: the engine chooses. */
  contextTokens?: number;
  /** A small model to guess tokens with. */
  draftModelPath?: string;
  /** A model of its own for inline suggestions. */
  inlineModelPath?: string;
  /** Only the neurons that a converted model's predictor names are computed. */
  sparsity?: "predict";
  /** The most that KV caches may take on disk, in bytes; absent: none is kept there. */
  kvCacheBytes?: number;
}

/** What a plan depends on. */
export function planParams({ kvCacheBytes: _, ...params }: EngineSettings): PlanParams {
  return params;
}

/** How far the prompt is read, in tokens. */
export interface PromptProgress {
  readTokens: number;
  totalTokens: number;
  /** The first report and its time (ms since the epoch), from which the time left is estimated. */
  first: { readTokens: number; time: number };
}

interface Waiting {
  /** How long the disk has delivered nothing that is needed now, in ms; absent while it delivers. */
  stalledMs?: number;
  /** The share of the processor that other programs have, 0 to 1; absent while that is little. */
  othersShare?: number;
}

/**
 * What the engine does. `idle`: a model is chosen and is loaded when it is first needed. `converting`: nothing is loaded
 * while `source` is converted, which takes the memory.
 */
export type EngineState =
  | { kind: "empty" }
  | { kind: "idle" }
  | { kind: "converting"; source: string }
  | { kind: "loading"; progress?: LoadProgress }
  | { kind: "ready" }
  | ({ kind: "reading"; progress?: PromptProgress } & Waiting)
  | ({ kind: "answering"; tokensPerSecond: number } & Waiting)
  | { kind: "failed"; error: unknown };

/** The state after `progress` in state `before`; undefined: no change. @param now in ms since the epoch */
export function afterProgress(
  before: EngineState,
  progress: GenerationProgress,
  now = Date.now(),
): EngineState | undefined {
  const during = before.kind === "reading" || before.kind === "answering" ? before : undefined;
  const { othersShare, stalledMs } = during ?? {};
  const busy = othersShare === undefined ? {} : { othersShare };
  switch (progress.kind) {
    case "text":
    case "thought":
      return { kind: "answering", tokensPerSecond: progress.tokensPerSecond, ...busy };
    case "toolCall":
      return undefined;
    case "disk": {
      if (!during) return undefined;
      const { stalledMs: _, ...state } = during;
      return progress.stalledMs > 0 ? { ...state, stalledMs: progress.stalledMs } : state;
    }
    case "processor": {
      if (!during) return undefined;
      const { othersShare: _, ...state } = during;
      return progress.othersShare > 0 ? { ...state, othersShare: progress.othersShare } : state;
    }
    case "prompt": {
      const { readTokens, totalTokens } = progress;
      const reading = before.kind === "reading" ? before : undefined;
      const first = reading?.progress?.first ?? { readTokens, time: now };
      // Progress is reported again and again, also while nothing comes.
      const waiting = reading && stalledMs !== undefined ? { stalledMs } : {};
      return { kind: "reading", progress: { readTokens, totalTokens, first }, ...waiting, ...busy };
    }
  }
}

/** How fast a prompt is read, in tokens/s, once it can be told. @param now in ms since the epoch */
export function promptSpeedOf(state: EngineState, now = Date.now()): number | undefined {
  if (state.kind !== "reading" || !state.progress) return undefined;
  const { readTokens, first } = state.progress;
  return promptSpeed(readTokens - first.readTokens, now - first.time);
}
