import * as l10n from "@vscode/l10n";
import type { Edit } from "./edit.js";
import { IndentMap, indentOf, isBlank, unitOf } from "./indentation.js";
import { diffOfLines } from "./lineDiff.js";
import type { Found } from "./locate.js";
import { refuse } from "./refusal.js";

/**
 * What replacing `before`, found in the file, by `after` changes there: lines that both have stay as the file has them.
 * @throws Refusal when a comment goes that the file has in other words
 */
export function replaceFound(
  file: readonly string[],
  found: Found,
  before: readonly string[],
  after: readonly string[],
): Edit[] {
  const indent = new IndentMap(unitOf([...before, ...after]), () => unitOf(file));
  let isConsistent = true;
  before.forEach((line, index) => {
    const place = found.at[index];
    if (place === undefined || isBlank(line)) return;
    if (!indent.learn(indentOf(line), indentOf(file[place] ?? ""))) isConsistent = false;
  });
  const edits: Edit[] = [];
  let index = 0;
  let other = 0;
  /** Behind the last line of the file that is accounted for. */
  let place = found.start;
  for (const change of diffOfLines(before, after)) {
    if (change.added) {
      if (!isConsistent) refuse(l10n.t("The indentation of the code does not say how deep the new lines belong."));
      edits.push({
        start: place,
        end: place,
        lines: after.slice(other, other + change.count).map((line) => indent.line(line)),
      });
    } else {
      for (let step = 0; step < change.count; step++, index++) {
        const at = found.at[index];
        if (at === undefined) {
          if (change.removed && !isBlank(before[index]))
            refuse(l10n.t("A comment that is to be replaced is worded differently in the file, or is missing."));
          continue;
        }
        if (change.removed) edits.push({ start: at, end: at + 1, lines: [] });
        place = at + 1;
      }
    }
    if (!change.removed) other += change.count;
  }
  return merged(edits);
}

/** Neighbours become one, so that what goes and what comes are one change. */
function merged(edits: readonly Edit[]): Edit[] {
  const result: Edit[] = [];
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = result.at(-1);
    if (last && last.end === edit.start) {
      last.end = edit.end;
      last.lines = [...last.lines, ...edit.lines];
    } else {
      result.push({ ...edit });
    }
  }
  return result;
}
