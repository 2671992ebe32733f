import { normalised } from "./indentation.js";
import type { Language } from "./language.js";

const tags = (lines: readonly string[]) =>
  [...lines.join("\n").matchAll(/<([A-Za-z][\w.-]*)/g)].map(([, tag]) => tag ?? "");

/**
 * Elements that HTML shows less of than the file has: it may be all that there is to be, or only some of it. One element
 * that goes while all else stays as it is, was meant to go.
 */
export function missingElements(before: readonly string[], after: readonly string[], language: Language): string[] {
  if (language.kind !== "prose" || language.blockComments.length === 0) return [];
  const shown = tags(after);
  const missing = tags(before).filter((tag) => {
    const at = shown.indexOf(tag);
    if (at >= 0) shown.splice(at, 1);
    return at < 0;
  });
  const fewer = tags(before).length - tags(after).length;
  const known = new Set(before.map(normalised));
  const isChanged = after.some((line) => !known.has(normalised(line)));
  return fewer > 1 || (fewer === 1 && isChanged) ? missing : [];
}
