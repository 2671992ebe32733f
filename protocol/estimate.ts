/** How fast a model will be, from what was measured. */
import type { Plan } from "./messages.js";

export type Measured = NonNullable<Plan["measured"]>;

type Weights = Pick<Plan["weights"], "expertCacheBytes">;

/** Of a pass over the weights for one token and so many more, in seconds. */
function passSeconds({ expertCacheBytes }: Weights, measured: Measured, moreTokens = 0): number {
  const { diskBytesPerSecond, computeBytesPerSecond, checkBytesPerSecond } = measured;
  const { usedBytesPerToken, readBytesPerToken } = measured;
  const reading = readBytesPerToken / diskBytesPerSecond;
  const computing = usedBytesPerToken / computeBytesPerSecond + (moreTokens * usedBytesPerToken) / checkBytesPerSecond;
  return expertCacheBytes > 0 ? reading + computing : Math.max(reading, computing);
}

/**
 * Tokens per second of decoding. Streamed weights are read ahead while others are multiplied: the slower of the two decides.
 * Which experts of a mixture must be read is known only when their layer is computed, so reading and arithmetic take turns.
 */
export const estimate = (weights: Weights, measured: Measured): number => 1 / passSeconds(weights, measured);

/**
 * The chance that the model says the token that a draft model of its family guesses. It depends on the text and is not
 * known before: an assumption between guesses that are as often wrong as right, and guesses that are mostly right.
 */
const acceptance = 0.65;
/** As sidecar/speculation.ts guesses. */
const mostGuessed = 7;

/**
 * Tokens per second with a draft model, for the best number of guesses. A guess is made between two passes; a pass checks all
 * of them and yields those that are right, up to the first that is not, and one more.
 * @param draftSeconds that the draft model takes for one guess
 */
export function estimateWithDraft({ weights }: { weights: Weights }, measured: Measured, draftSeconds: number): number {
  const speeds = Array.from({ length: mostGuessed }, (_, index) => {
    const guessed = index + 1;
    const tokens = (1 - acceptance ** (guessed + 1)) / (1 - acceptance);
    return tokens / (guessed * draftSeconds + passSeconds(weights, measured, guessed));
  });
  return Math.max(...speeds);
}
