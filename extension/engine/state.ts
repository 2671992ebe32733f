import type { LoadProgress } from "../../engine-native/protocol.js";

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

/** What the engine does. `idle`: a model is chosen and is loaded when it is first needed. */
export type EngineState =
  | { kind: "empty" }
  | { kind: "idle" }
  | { kind: "loading"; progress?: LoadProgress }
  | { kind: "ready" }
  | ({ kind: "reading"; progress?: PromptProgress } & Waiting)
  | ({ kind: "answering"; tokensPerSecond: number } & Waiting)
  | { kind: "failed"; error: unknown };
