/** A cap as it is written for `flint bench`. */
import { parseSize } from "../protocol/size.js";

/** A cap, or a share of the model's file size. */
export type Cap = { bytes: number } | { percent: number };

/** Reads `2300MiB` or `50%`; undefined when the text is neither. */
export function parseCap(text: string): Cap | undefined {
  const [, percent] = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text) ?? [];
  if (percent !== undefined) return Number(percent) > 0 ? { percent: Number(percent) } : undefined;
  const bytes = parseSize(text);
  return bytes === undefined || bytes === 0 ? undefined : { bytes };
}
