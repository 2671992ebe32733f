import * as l10n from "@vscode/l10n";
import type { Edit } from "./edit.js";
import { normalised } from "./indentation.js";
import { refuse } from "./refusal.js";

interface Section {
  heading: string;
  level: number;
  start: number;
  end: number;
}

/** The sections of a Markdown text: from each heading to the next one that is not below it. */
function sectionsOf(lines: readonly string[]): Section[] {
  const headings: Section[] = [];
  let fence: string | undefined;
  lines.forEach((line, index) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined;
      return;
    }
    fence = mark;
    const level = /^(#{1,6})\s/.exec(line)?.[1]?.length;
    if (level !== undefined) headings.push({ heading: normalised(line), level, start: index, end: lines.length });
  });
  headings.forEach((heading, index) => {
    let next = index + 1;
    while ((headings[next]?.level ?? 0) > heading.level) next += 1;
    heading.end = headings[next]?.start ?? lines.length;
  });
  return headings;
}

/**
 * Sections of a Markdown file that a block has other versions of.
 * @returns undefined when the block does not begin with a heading that the file has
 */
export function mergeSections(file: readonly string[], block: readonly string[]): Edit[] | undefined {
  const ours = sectionsOf(file);
  const theirs = sectionsOf(block);
  const [first] = theirs;
  if (first?.start !== 0 || !ours.some(({ heading }) => heading === first.heading)) return undefined;
  const top = theirs.filter(
    ({ level, start }) => !theirs.some((other) => other.level < level && other.start < start && other.end > start),
  );
  return top.map((section) => {
    const [same, ...others] = ours.filter(({ heading }) => heading === section.heading);
    if (!same) return refuse(l10n.t("The file has no section “{0}”.", section.heading));
    if (others.length > 0)
      return refuse(l10n.t("The file has {0} sections “{1}”.", others.length + 1, section.heading));
    const inside = (sections: readonly Section[], { start, end }: Section) =>
      sections.filter((each) => each.start > start && each.start < end).map(({ heading }) => heading);
    const shown = inside(theirs, section);
    const missing = inside(ours, same).filter((heading) => !shown.includes(heading));
    if (missing.length > 0)
      return refuse(
        l10n.t("The code shows the section without “{0}”, and doesn't say whether to keep it.", missing[0] ?? ""),
      );
    const lines = trimmed(block.slice(section.start, section.end));
    const kept = trimmed(file.slice(same.start, same.end));
    return { start: same.start, end: same.start + kept.length, lines };
  });
}

function trimmed(lines: readonly string[]): string[] {
  const end = lines.findLastIndex((line) => line.trim() !== "");
  return lines.slice(0, end + 1);
}
