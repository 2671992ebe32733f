import type { GenerationProgress, LoadProgress } from "../../engine-native/protocol.js";

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
}

/** How far the prompt is read, in tokens. */
export interface PromptProgress {
  readTokens: number;
  totalTokens: number;
  /** Where reading stood when it was first told, and when that was (ms since the epoch): for the time left. */
  first: { readTokens: number; time: number };
}

interface Waiting {
  /** For so long, in ms, the disk has given nothing that is needed now; absent while it does. */
  silentMs?: number;
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

/** What an answer's progress makes of `before`; undefined: no change. @param now in ms since the epoch */
export function afterProgress(
  before: EngineState,
  progress: GenerationProgress,
  now = Date.now(),
): EngineState | undefined {
  if (progress.kind === "text") return { kind: "answering", tokensPerSecond: progress.tokensPerSecond };
  if (progress.kind === "disk") {
    if (before.kind !== "reading" && before.kind !== "answering") return undefined;
    const { silentMs: _, ...state } = before;
    return progress.silentMs > 0 ? { ...state, silentMs: progress.silentMs } : state;
  }
  const { readTokens, totalTokens } = progress;
  const reading = before.kind === "reading" ? before : undefined;
  const first = reading?.progress?.first ?? { readTokens, time: now };
  // How far it is is told over and over, also while nothing comes.
  const waiting = reading?.silentMs === undefined ? {} : { silentMs: reading.silentMs };
  return { kind: "reading", progress: { readTokens, totalTokens, first }, ...waiting };
}
