/** Ends an answer at one of some texts, which is not part of it. */

export interface Stopped {
  /** What may be told now: it cannot be the beginning of a stop text any more. */
  text: string;
  /** The stop text that was found. */
  found?: string;
}

export class StopStrings {
  #held = "";

  constructor(private readonly stops: readonly string[]) {}

  /** Takes the next piece of the answer. Nothing may follow when a stop text was found. */
  push(piece: string): Stopped {
    const text = this.#held + piece;
    const first = this.stops
      .map((found) => ({ found, index: text.indexOf(found) }))
      .filter(({ index }) => index >= 0)
      .sort((one, other) => one.index - other.index)[0];
    if (first) {
      this.#held = "";
      return { text: text.slice(0, first.index), found: first.found };
    }
    const heldLength = Math.max(0, ...this.stops.map((stop) => longestEnding(text, stop)));
    this.#held = text.slice(text.length - heldLength);
    return { text: text.slice(0, text.length - heldLength) };
  }

  /** What was held back, when the answer has ended without a stop text. */
  end(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }
}

/** Length of the longest end of `text` that `stop` begins with, less than all of it. */
function longestEnding(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
