/** The least time that a token can take: what the plan leaves on flash, at the speed that this disk has right now. */
import type { Plan } from "../protocol.js";

export interface Floor {
  /** Reading what is streamed, or arithmetic on all weights, whichever takes longer. */
  msPerToken: number;
  bound: "disk" | "compute";
  /** Direct reads with the engine's many in flight. */
  diskBytesPerSecond: number;
  /** Weights multiplied for one token, all threads together. */
  computeBytesPerSecond: number;
}

/** Of a plan with its measurements. */
export function floorOf({ measured, estimatedTokensPerSecond, weights }: Plan): Floor | undefined {
  if (!measured || !estimatedTokensPerSecond) return undefined;
  const msPerToken = 1000 / estimatedTokensPerSecond;
  const diskMs = (1000 * weights.streamedBytes) / measured.diskBytesPerSecond;
  return { msPerToken, bound: diskMs > 0.999 * msPerToken ? "disk" : "compute", ...measured };
}
