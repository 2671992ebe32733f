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
 * Sections of a Markdown file that a block has other versions of, and new ones beside them.
 * @returns undefined when the block begins with something else than a heading, or has none that the file has
 */
export function mergeSections(file: readonly string[], block: readonly string[]): Edit[] | undefined {
  const ours = sectionsOf(file);
  const theirs = sectionsOf(block);
  const isKnown = ({ heading }: Section) => ours.some((our) => our.heading === heading);
  const top = theirs.filter(
    ({ level, start }) => !theirs.some((other) => other.level < level && other.start < start && other.end > start),
  );
  if (theirs[0]?.start !== 0 || !top.some(isKnown)) return undefined;
  const twice = top.find(({ heading }, index) => top.slice(0, index).some((other) => other.heading === heading));
  if (twice) refuse(l10n.t("The code has {0} twice.", twice.heading));
  const sections = top.map((section) => ({ section, same: isKnown(section) ? only(ours, section) : undefined }));
  return sections.flatMap(({ section, same }, index) => {
    if (same) return changed(file, block, same, section, inside(ours, same), inside(theirs, section));
    const above = sections.slice(0, index).findLast((other) => other.same)?.same;
    const below = sections.slice(index).find((other) => other.same)?.same;
    return inserted(file, block, ours, section, above, below);
  });
}

const inside = (sections: readonly Section[], { start, end }: Section) =>
  sections.filter((each) => each.start > start && each.start < end).map(({ heading }) => heading);

function only(ours: readonly Section[], { heading }: Section): Section | undefined {
  const [same, ...others] = ours.filter((our) => our.heading === heading);
  if (others.length > 0) refuse(l10n.t("The file has {0} sections “{1}”.", others.length + 1, heading));
  return same;
}

function changed(
  file: readonly string[],
  block: readonly string[],
  same: Section,
  section: Section,
  had: readonly string[],
  shown: readonly string[],
): Edit[] {
  const lines = trimmed(block.slice(section.start, section.end));
  const kept = trimmed(file.slice(same.start, same.end));
  // A heading alone says where something is: nobody empties a section like that.
  if (lines.length === 1) return [];
  const missing = had.filter((heading) => !shown.includes(heading));
  if (missing.length > 0)
    refuse(l10n.t("The code shows the section without “{0}”, and doesn't say whether to keep it.", missing[0] ?? ""));
  return [{ start: same.start, end: same.start + kept.length, lines }];
}

/** A section that the file has not: between two that follow each other there, or beside one. */
function inserted(
  file: readonly string[],
  block: readonly string[],
  ours: readonly Section[],
  section: Section,
  above: Section | undefined,
  below: Section | undefined,
): Edit[] {
  const words = (heading: string) => heading.replace(/^#+\s*/, "").toLowerCase();
  const beside = above ?? below;
  const isApart = above && below && ours.find(({ start }) => start >= above.end) !== below;
  // In a heading of another level, or one that is underlined, our sections begin or end elsewhere.
  const isClear = [above, below].every(
    (each) => !each || (each.level === section.level && !isUnderlined(file.slice(each.start, each.end))),
  );
  const isThere = ours.some(({ heading }) => words(heading) === words(section.heading));
  const isTitle = !above && below === ours[0];
  if (!beside || isApart || !isClear || isThere || isTitle)
    return refuse(l10n.t("The file has no section “{0}”.", section.heading));
  const lines = trimmed(block.slice(section.start, section.end));
  if (!above) return [{ start: beside.start, end: beside.start, lines: [...lines, ""] }];
  const at = above.start + trimmed(file.slice(above.start, above.end)).length;
  return [{ start: at, end: at, lines: ["", ...lines] }];
}

/** Whether it has a heading of the form that is a line with another one of "=" or "-" below. */
const isUnderlined = (lines: readonly string[]) =>
  lines.some((line, index) => /^(?:=+|-+)\s*$/.test(line) && (lines[index - 1] ?? "").trim() !== "");

function trimmed(lines: readonly string[]): string[] {
  const end = lines.findLastIndex((line) => line.trim() !== "");
  return lines.slice(0, end + 1);
}
