import * as l10n from "@vscode/l10n";
import type { Edit } from "./edit.js";
import { formOf } from "./forms.js";
import { IndentMap, indentOf } from "./indentation.js";
import type { Outline, Part } from "./parts.js";
import { isUsage, isWhole, lastBeforeTail, place, usualGap, withWords } from "./placement.js";
import { refuse } from "./refusal.js";
import { blankLines } from "./replacePart.js";
import type { Sides } from "./sides.js";

/** Puts in what the file lacks: beside what the block shows of the file, or else where such a thing usually is. */
export function newMember(
  { file, block }: Sides,
  ours: readonly Part[],
  theirs: readonly Part[],
  index: number,
  pairs: ReadonlyMap<Part, Part>,
  container: Part | undefined,
): Edit[] {
  const other = theirs[index] as Part;
  if (!container && isUsage(block, theirs, index, pairs)) return [];
  const isElided = theirs.some(({ kind }) => kind === "elision");
  if (!container && !isElided && isCallBelow(file, block, theirs, index, pairs)) return refuseNew(block, other);
  if (!container) refuseHidden(file, block, other);
  const { anchor: before, elided: elidedBefore } = anchorFrom(theirs, index, -1, pairs);
  const { anchor: after, elided: elidedAfter } = anchorFrom(theirs, index, 1, pairs);
  const lines = (like: Part | undefined) => {
    const indent = new IndentMap(block.unit, file.unit);
    const model = like && [...pairs].find(([, part]) => part === like)?.[0];
    if (like) indent.learn(indentOf(block.headerLine(model ?? other)), indentOf(file.headerLine(like)));
    return block.text(other).map((line) => indent.line(line));
  };
  /** Models often write one blank line where the file has two. */
  const gapBeside = (shown: number, beside: Part) =>
    isWhole(other) && isWhole(beside) ? Math.max(shown, usualGap(ours) ?? 0) : shown;
  // A method behind another one is in the same class.
  const level = (part: Part | undefined): part is Part =>
    part !== undefined && (ours.includes(part) || (isWhole(other) && formOf(block, other) === formOf(file, part)));
  if (level(before)) {
    const gap = gapBeside(other.blanks, before);
    return [{ start: before.end, end: before.end, lines: [...blankLines(gap), ...lines(before)] }];
  }
  if (level(after)) {
    const gap = gapBeside(theirs[index + 1]?.blanks ?? 0, after);
    return [{ start: after.start, end: after.start, lines: [...lines(after), ...blankLines(gap)] }];
  }
  const members = withWords(ours, file);
  const last = container ? members.at(-1) : lastBeforeTail(file, members, block, other);
  if (elidedBefore && !elidedAfter && last) {
    const gap = Math.max(other.blanks, members.length > 1 ? last.blanks : 0, 0);
    return [{ start: last.end, end: last.end, lines: [...blankLines(gap), ...lines(sibling(members))] }];
  }
  const first = members[0];
  if (elidedAfter && !elidedBefore && first && (container !== undefined || first.kind !== "import")) {
    const gap = Math.max(theirs[index + 1]?.blanks ?? 0, members.length > 1 ? (members[1]?.blanks ?? 0) : 0);
    return [{ start: first.start, end: first.start, lines: [...lines(first), ...blankLines(gap)] }];
  }
  if (!container && !elidedBefore && !elidedAfter && !before && !after) {
    const found = place(file, block, other);
    if (found) {
      const { after: beside, like, gap } = found;
      return [{ start: beside.end, end: beside.end, lines: [...blankLines(gap), ...lines(like)] }];
    }
  }
  return refuseNew(block, other);
}

function refuseNew(block: Outline, other: Part): never {
  return refuse(
    l10n.t(
      "The file has no {0}, and the code doesn't say where it belongs. Put it in with “Insert at cursor”.",
      block.nameOf(other),
    ),
  );
}

/** A method without its class, of which the file has one that our reading of it has not found. */
function refuseHidden(file: Outline, block: Outline, { header, declaration }: Part): void {
  const isBare =
    indentOf(block.lines[header] ?? "") === "" && !/^(?:public|protected|private)\s/.test(block.lines[header] ?? "");
  if (declaration?.holds !== "body" || isBare) return;
  const first = block.lines[header]?.trim().replace(/\(.*$/, "") ?? "";
  const opens = file.lines.some((line) => line.trim().startsWith(`${first}(`) && !/;\s*$/.test(line));
  if (opens) refuse(l10n.t("The file has {0}, but it is not clear where it begins and ends.", declaration.name));
}

/** A call below a function that is shown, as of another program: in the middle of a file it would run. */
function isCallBelow(
  file: Outline,
  block: Outline,
  theirs: readonly Part[],
  index: number,
  pairs: ReadonlyMap<Part, Part>,
): boolean {
  const other = theirs[index];
  if (other?.kind !== "statement" || !/^[\w.$]+\(/.test(block.headerLine(other))) return false;
  const above = theirs.slice(0, index).findLast((part) => pairs.has(part));
  const part = above && pairs.get(above);
  return (
    part !== undefined &&
    isWhole(part) &&
    part !== file.roots.at(-1) &&
    !theirs.slice(index).some((each) => pairs.has(each))
  );
}

const sibling = (members: readonly Part[]) => members.findLast(({ kind }) => kind === "declaration") ?? members.at(-1);

/** The nearest part in one direction that the file has, with nothing left out in between. */
function anchorFrom(theirs: readonly Part[], index: number, direction: 1 | -1, pairs: ReadonlyMap<Part, Part>) {
  for (let at = index + direction; at >= 0 && at < theirs.length; at += direction) {
    const other = theirs[at];
    if (!other) break;
    if (other.kind === "elision") return { anchor: undefined, elided: true };
    const part = pairs.get(other);
    if (part) return { anchor: part, elided: false };
  }
  return { anchor: undefined, elided: false };
}
