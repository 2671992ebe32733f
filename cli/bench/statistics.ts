/** What repeated measurements on a noisy machine come to. */

export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** Of numbers in any unit; undefined of none. The median of an even count is the mean of the middle two. */
export function spread(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  if (sorted.length === 0) return undefined;
  const median = (at(Math.floor((sorted.length - 1) / 2)) + at(Math.ceil((sorted.length - 1) / 2))) / 2;
  return { median, min: at(0), max: at(sorted.length - 1) };
}
