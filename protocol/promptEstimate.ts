/** How long a prompt takes to be read. */
import type { Measured } from "./estimate.js";

/** llama.cpp computes so many tokens of a prompt in one pass over the weights. */
const tokensPerPass = 512;

/** What is known of the speed of a model. */
interface KnownSpeed {
  /** Of the last long prompt; undefined: there was none, and it is worked out from `measured`. */
  promptTokensPerSecond: number | undefined;
  measured: Measured | undefined;
}

/**
 * Seconds that a prompt takes before the first word of the answer.
 * @param newTokens that the engine has not read before
 * @returns undefined where nothing is known
 */
export function promptSeconds(newTokens: number, { promptTokensPerSecond, measured }: KnownSpeed): number | undefined {
  if (newTokens <= 0) return 0;
  if (promptTokensPerSecond !== undefined) return newTokens / promptTokensPerSecond;
  if (!measured) return undefined;
  const { diskBytesPerSecond, checkBytesPerSecond, usedBytesPerToken, readBytesPerToken } = measured;
  const computing = (newTokens * usedBytesPerToken) / checkBytesPerSecond;
  const reading = (Math.ceil(newTokens / tokensPerPass) * readBytesPerToken) / diskBytesPerSecond;
  // Reads are ahead of what is computed.
  return Math.max(computing, reading);
}

/** Of fewer tokens, or of less time in ms, a speed would jump about. */
const fewestTokens = 64;
const shortestMs = 500;

/** Tokens per second of a prompt that is being read, once it can be told. @param elapsedMs in which `readTokens` were read */
export function promptSpeed(readTokens: number, elapsedMs: number): number | undefined {
  return readTokens >= fewestTokens && elapsedMs >= shortestMs ? (readTokens * 1000) / elapsedMs : undefined;
}
