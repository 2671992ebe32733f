/** Notices an answer that says the same over and over: a small model may never find out of it. Pure. */

/** The longest passage that is looked for, in tokens. */
const longestPassage = 256;
/**
 * A passage must have come so often without a break, and all of it be so long in tokens: code and tables repeat lines and
 * numbers, and a list of a hundred zeros is no fault.
 */
const fewestTimes = 5;
const fewestTokens = 320;

/** Takes the tokens of one answer in order. */
export class RepetitionDetector {
  readonly #tokens: number[] = [];
  /** By the length of a passage: how many of the last tokens each equal the one that far before it. */
  readonly #equal = new Uint32Array(longestPassage + 1);

  /** @returns whether the answer repeats itself by now */
  push(token: number): boolean {
    const at = this.#tokens.push(token) - 1;
    let repeats = false;
    for (let length = 1; length <= longestPassage; length++) {
      if (length > at || this.#tokens[at - length] !== token) {
        this.#equal[length] = 0;
        continue;
      }
      const equal = (this.#equal[length] ?? 0) + 1;
      this.#equal[length] = equal;
      // With the first time, which equals nothing before it.
      const whole = equal + length;
      repeats ||= whole >= fewestTokens && whole >= fewestTimes * length;
    }
    return repeats;
  }
}
