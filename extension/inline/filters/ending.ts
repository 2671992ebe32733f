/**
 * Cuts what a model has not written to its end: half a character, and, where it was stopped, the line or the word that it was
 * at.
 * @param ended whether the model stopped by itself
 */
export function cutHalfWords(text: string, ended: boolean): string {
  const whole = text.replace(/\uFFFD+$/, "");
  if (ended && whole === text) return text;
  // More may have followed on the last line.
  const lines = whole.split("\n");
  if (lines.length > 1 && lines.slice(0, -1).some((line) => line.trim() !== "")) return lines.slice(0, -1).join("\n");
  return whole.replace(/[\p{L}\p{N}\p{M}\p{Pc}$]+$/u, "").trimEnd();
}

/** What only looks like text: names of special tokens, and fences around an answer. */
const marks =
  /<\|[\p{L}_ ▁]{1,32}\|>|<｜[^｜\n]{1,32}｜>|<\/?(?:s|fim_\w+|file_sep|PRE|SUF|MID|EOT)>|^\s*```\w*\n?|\n```/u;

/** Cuts at the first of them. */
export function cutAtMarks(text: string): string {
  const at = text.search(marks);
  return at === -1 ? text : text.slice(0, at);
}
