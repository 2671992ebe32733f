import * as l10n from "@vscode/l10n";
import { mayStandForCode } from "./elision.js";
import { isBlank } from "./indentation.js";
import type { Language } from "./language.js";
import { changesOf } from "./lineDiff.js";
import { refuse } from "./refusal.js";
import { scan } from "./scan.js";

/** Says that something is gone, or is to come. */
const meant = /\b(?:removed?|deleted?|no longer|not needed|unneeded|unnecessary|disabled|deprecated|replaced|moved)\b/i;

/** A comment that describes parameters or types. */
const documents = /^[/*\s]*@(?:param|returns?|type|typedef|throws|template)\b/;

/**
 * New comments where code was may stand for that code in words that nobody has thought of: then it must not go.
 * @throws Refusal where that may be so
 */
export function refusePlaceholders(before: readonly string[], after: readonly string[], language: Language): void {
  if (language.lineComments.length + language.blockComments.length === 0) return;
  const [wasComment, isComment] = [scan(before, language).comment, scan(after, language).comment];
  for (const { removed, added } of changesOf(before, after)) {
    const code = removed.filter((index) => !wasComment[index] && /\w/.test(before[index] ?? ""));
    const shown = added.filter((index) => !isBlank(after[index]));
    const notes = shown.filter((index) => isComment[index]);
    const kept = shown.filter((index) => !isComment[index] && /\w/.test(after[index] ?? ""));
    const text = (index: number) => (after[index] ?? "").trim();
    const isEmptied = kept.length > 0 && kept.every((index) => isNothing(text(index), before, removed));
    if (isEmptied && code.length > 0 && !code.every((index) => isNothing((before[index] ?? "").trim(), before, [])))
      refuse(l10n.t("The code leaves lines out, and which is not clear: “{0}”.", text(kept[0] ?? 0).slice(0, 60)));
    if (code.length === 0 || notes.length === 0) continue;
    const doubtful = kept.length === 0 ? notes : notes.filter((index) => mayStandForCode(text(index)));
    // Other words for a comment that was there.
    const isReworded = removed.length - code.length >= notes.length && code.length < 3;
    const isCommentedOut = code.some((index) =>
      notes.some((note) => text(note).includes((before[index] ?? "").trim())),
    );
    const [first] = doubtful;
    if (first === undefined || kept.length >= code.length || isReworded || isCommentedOut) continue;
    if (notes.some((index) => meant.test(text(index)) || documents.test(text(index)))) continue;
    refuse(l10n.t("The code leaves lines out, and which is not clear: “{0}”.", text(first).slice(0, 60)));
  }
}

/** Stands where a body was: `pass`, or brackets with nothing between them. */
function isNothing(line: string, before: readonly string[], removed: readonly number[]): boolean {
  if (/^(?:pass|\.\.\.)(?:\s*#.*)?$/.test(line)) return true;
  const head = /^(.*[)\w>]\s*\{)\s*\}[;,]?$/.exec(line)?.[1]?.replaceAll(/\s/g, "");
  return head !== undefined && removed.some((index) => (before[index] ?? "").replaceAll(/\s/g, "") === head);
}
