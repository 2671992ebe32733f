/** The least time that a token can take: what the plan leaves on flash, at the speed that this disk has right now. */
import type { Plan } from "../../protocol/messages.js";

export interface Floor {
  /** Reading what is streamed, or arithmetic on all weights, whichever takes longer. */
  msPerToken: number;
  bound: "disk" | "compute";
  /** Direct reads with the engine's many in flight. */
  diskBytesPerSecond: number;
  /** Weights multiplied for one token, all threads together. */
  computeBytesPerSecond: number;
}

/**
 * Of a plan with its measurements.
 * @param readBytesPerToken of a run: for a MoE model, what its experts that were missing and needed came to
 */
export function floorOf({ measured, weights }: Plan, readBytesPerToken: number): Floor | undefined {
  if (!measured) return undefined;
  const { diskBytesPerSecond, computeBytesPerSecond, usedBytesPerToken } = measured;
  const read =
    weights.expertCacheBytes > 0 ? Math.max(weights.streamedBytes, readBytesPerToken) : weights.streamedBytes;
  const diskMs = (1000 * read) / diskBytesPerSecond;
  const computeMs = (1000 * usedBytesPerToken) / computeBytesPerSecond;
  const bound = diskMs > computeMs ? "disk" : "compute";
  return { msPerToken: Math.max(diskMs, computeMs), bound, diskBytesPerSecond, computeBytesPerSecond };
}
