/** What was suggested where, so that typing along, moving away and coming back ask for nothing. */

/** Where a suggestion begins. */
export interface Spot {
  /** Of the document. */
  file: string;
  prefix: string;
  suffix: string;
}

export interface Remembered extends Spot {
  /** What was shown there, filtered; "" where there was nothing to suggest. */
  shown: string;
  /** What followed on the cursor's line: it has decided on closing brackets. */
  lineAfter: string;
}

export type Found = Pick<Remembered, "shown" | "lineAfter">;

const mostEntries = 250;
/** How far back a suggestion may begin that the person types along, in characters. */
const longestLookBack = 400;

export class SuggestionCache {
  /** The newest last. */
  private entries: Remembered[] = [];

  add(entry: Remembered): void {
    this.entries = this.entries.filter((other) => !sameSpot(other, entry)).slice(-(mostEntries - 1));
    this.entries.push(entry);
  }

  /**
   * What is known of a spot: the rest of a suggestion that begins there or before, as far as the text since is what was
   * suggested. Where there is nothing to suggest that is "". Undefined: not known.
   */
  find(spot: Spot): Found | undefined {
    let nothing: Found | undefined;
    for (const entry of this.entries.toReversed()) {
      const typed = typedSince(entry, spot);
      if (typed === undefined) continue;
      const { shown, lineAfter } = entry;
      if (shown === "" && typed === "") nothing ??= { shown, lineAfter };
      if (shown.length > typed.length && shown.startsWith(typed))
        return { shown: shown.slice(typed.length), lineAfter };
    }
    return nothing;
  }

  clear(): void {
    this.entries = [];
  }
}

const sameSpot = (a: Spot, b: Spot) => a.file === b.file && a.prefix === b.prefix && a.suffix === b.suffix;

/** What was typed from one spot to another; undefined where they are no such pair. */
export function typedSince(from: Spot, to: Spot): string | undefined {
  const length = to.prefix.length - from.prefix.length;
  if (from.file !== to.file || length < 0 || length > longestLookBack) return undefined;
  if (!to.prefix.startsWith(from.prefix)) return undefined;
  if (to.suffix === from.suffix) return to.prefix.slice(from.prefix.length);
  return undefined;
}
