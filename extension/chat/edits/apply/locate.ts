import { isBlank, normalised } from "./indentation.js";
import { oncePer } from "./oncePer.js";

/** Where lines were found in the file, and how alike they are there. */
export interface Found {
  /** Index of each wanted line in the file, in order; undefined for a comment that the file words differently or lacks. */
  at: readonly (number | undefined)[];
  start: number;
  /** Index behind the last. */
  end: number;
}

type Way = (line: string) => string;

const exactly: Way = (line) => line;
const ways: readonly Way[] = [
  exactly,
  (line) => line.trimEnd(),
  // Blanks inside the line stay as they are: they may be inside a text.
  (line) => line.trim(),
];

/**
 * Finds lines that follow each other: as they are, then without blanks at line ends, then without indentation, then
 * without comments.
 * @returns all places of the first way that finds any
 */
export function locate(lines: readonly string[], wanted: readonly string[], comment: RegExp | undefined): Found[] {
  if (wanted.every(isBlank)) return [];
  for (const way of ways) {
    const found = runs(inWay(lines, way), wanted.map(way));
    if (found.length > 0) return found;
  }
  return comment ? withoutComments(lines, wanted, comment) : [];
}

/** The lines of a file in each way: a diff looks for many places in the same file. */
const rewritten = oncePer((lines: readonly string[]) => {
  const known = new Map<Way, readonly string[]>();
  return (way: Way): readonly string[] => {
    const mapped = known.get(way) ?? lines.map(way);
    known.set(way, mapped);
    return mapped;
  };
});

const inWay = (lines: readonly string[], way: Way) => (way === exactly ? lines : rewritten(lines)(way));

function runs(lines: readonly string[], wanted: readonly string[]): Found[] {
  const found: Found[] = [];
  const first = wanted[0] ?? "";
  const last = lines.length - wanted.length;
  for (let start = lines.indexOf(first); start >= 0 && start <= last; start = lines.indexOf(first, start + 1)) {
    if (wanted.every((line, index) => lines[start + index] === line)) {
      found.push({ start, end: start + wanted.length, at: wanted.map((_, index) => start + index) });
    }
  }
  return found;
}

/** Code alone decides; comments and blank lines between may differ, in number too. */
function withoutComments(lines: readonly string[], wanted: readonly string[], comment: RegExp): Found[] {
  const code = (text: readonly string[]) =>
    text
      .map((line, index) => ({ index, text: normalised(line.replace(comment, "")) }))
      .filter(({ text: rest }) => rest !== "");
  const all = code(lines);
  const some = code(wanted);
  // Little code with its comments ignored is found where it does not belong.
  if (some.length === 0 || some.reduce((sum, { text }) => sum + text.length, 0) < 12) return [];
  const found: Found[] = [];
  for (let start = 0; start + some.length <= all.length; start++) {
    if (!some.every(({ text }, index) => all[start + index]?.text === text)) continue;
    const at: (number | undefined)[] = wanted.map(() => undefined);
    some.forEach(({ index }, order) => {
      at[index] = all[start + order]?.index;
    });
    found.push(pairComments(lines, wanted, at));
  }
  return found;
}

/** Between two lines of code, as many comments and blanks as there are in the file are those. */
function pairComments(lines: readonly string[], wanted: readonly string[], at: (number | undefined)[]): Found {
  const known = at.flatMap((place, index) => (place === undefined ? [] : [{ place, index }]));
  known.forEach((left, order) => {
    const right = known[order + 1];
    if (!right || right.index - left.index !== right.place - left.place) return;
    for (let step = 1; step < right.index - left.index; step++) at[left.index + step] = left.place + step;
  });
  let first = known[0];
  while (
    first &&
    first.index > 0 &&
    first.place > 0 &&
    !isBlank(wanted[first.index - 1]) &&
    !isBlank(lines[first.place - 1]) &&
    isNote(lines[first.place - 1])
  ) {
    first = { index: first.index - 1, place: first.place - 1 };
    at[first.index] = first.place;
  }
  const places = at.filter((place) => place !== undefined);
  return { at, start: Math.min(...places), end: Math.max(...places) + 1 };
}

const isNote = (line: string | undefined) => /^\s*(?:\/\/|#|--|\/\*|\*|<!--|;|%)/.test(line ?? "");
