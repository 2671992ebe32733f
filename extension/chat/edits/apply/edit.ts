import * as l10n from "@vscode/l10n";
import { refuse } from "./refusal.js";

/** Lines that take the place of others. */
export interface Edit {
  /** Index of the first line that goes. */
  start: number;
  /** Index behind the last line that goes; `start` when none does. */
  end: number;
  lines: readonly string[];
}

/** Applies all at once. @throws Refusal when two of them concern the same lines */
export function applyEdits(lines: readonly string[], edits: readonly Edit[]): string[] {
  const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  const [only, ...others] = sorted;
  if (only && others.length === 0) return lines.slice(0, only.start).concat(only.lines, lines.slice(only.end));
  const result: string[] = [];
  let from = 0;
  for (const { start, end, lines: added } of sorted) {
    if (start < from) refuse(l10n.t("Two parts of the code change the same lines of the file."));
    for (let index = from; index < start; index++) result.push(lines[index] ?? "");
    for (const line of added) result.push(line);
    from = end;
  }
  for (let index = from; index < lines.length; index++) result.push(lines[index] ?? "");
  return result;
}
