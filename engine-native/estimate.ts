/** How fast a model will be, from what was measured. */
import type { Plan } from "./protocol.js";

export type Measured = NonNullable<Plan["measured"]>;

/**
 * Tokens per second of decoding. Streamed weights are read ahead while others are multiplied: the slower of the two decides.
 * Which experts of a mixture are missing is known when their layer's turn has come, so that reading and arithmetic follow
 * each other.
 */
export function estimate(
  { expertCacheBytes }: Pick<Plan["weights"], "expertCacheBytes">,
  { diskBytesPerSecond, computeBytesPerSecond, usedBytesPerToken, readBytesPerToken }: Measured,
): number {
  const reading = readBytesPerToken / diskBytesPerSecond;
  const computing = usedBytesPerToken / computeBytesPerSecond;
  return 1 / (expertCacheBytes > 0 ? reading + computing : Math.max(reading, computing));
}
