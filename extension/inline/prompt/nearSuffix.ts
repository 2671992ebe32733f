/** How much of the text after the cursor a model is asked with. */

/** The prompt has it after what is typed, so it is read again for each request: in lines, and in characters. */
const mostLines = 3;
const longest = 200;

/**
 * The beginning of the text after a cursor: lines, of which the last one is whole unless the first alone is longer than there
 * is room for. The exact lines that a model writes do not get fewer for it (docs/benchmarks/inline.md).
 */
export function nearSuffix(suffix: string): string {
  const near = suffix.split("\n").slice(0, mostLines).join("\n");
  if (near.length <= longest) return near;
  const end = near.lastIndexOf("\n", longest);
  return near.slice(0, end > 0 ? end : longest);
}
