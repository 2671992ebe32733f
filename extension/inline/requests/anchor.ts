import type { Spot } from "./cache.js";

/** A middle that is longer, in characters, is taken into the prefix. */
const longestMiddle = 1200;
/** As much is taken into it when there is time to read it. */
const idleMiddle = 200;

/** The text before a cursor, in the two parts that a completion is asked for with. */
export interface SplitPrefix {
  prefix: string;
  middle: string;
}

/**
 * Keeps the place where prefix and middle meet while somebody types: then the model has read prefix and suffix already, and
 * only what is new of the middle is read. Without it, what follows the cursor would be read again for each key.
 */
export class PromptAnchor {
  private last: Spot | undefined;

  /** @param idle there is time to read all again */
  split({ file, prefix, suffix }: Spot, idle = false): SplitPrefix {
    const { last } = this;
    const most = idle ? idleMiddle : longestMiddle;
    const kept =
      last?.file === file &&
      last.suffix === suffix &&
      prefix.startsWith(last.prefix) &&
      prefix.length - last.prefix.length <= most;
    // A line's beginning is where tokens begin too.
    const length = kept ? last.prefix.length : prefix.lastIndexOf("\n") + 1;
    const head = prefix.slice(0, length);
    this.last = { file, prefix: head, suffix };
    return { prefix: head, middle: prefix.slice(length) };
  }
}
