import { diffArrays } from "diff";

/** A run of lines that both texts have, or only one of them. */
export interface LineChange {
  added: boolean;
  removed: boolean;
  /** How many lines. */
  count: number;
}

/** The shortest difference is looked for up to this many lines that go or come: the work grows with its square. */
const mostForShortest = 400;
/** The same between two lines that are known to belong together. */
const mostBetween = 60;
/** How often a text is divided before what is left is compared in one go. */
const mostDivisions = 40;

/** Indices of equal lines of both texts, ascending in both. */
type Pairs = [number, number][];

/**
 * What has to go from `before` and to come in so that it becomes `after`, line by line. It is the shortest difference
 * where few lines differ; where many do, one that takes hardly longer than reading the texts.
 */
export function diffOfLines(before: readonly string[], after: readonly string[]): LineChange[] {
  const shortest = diffArrays([...before], [...after], { maxEditLength: mostForShortest });
  if (shortest) return shortest.map(({ added, removed, count }) => ({ added, removed, count }));
  const pairs: Pairs = [];
  collect(before, after, { from: 0, to: before.length, otherFrom: 0, otherTo: after.length }, 0, pairs);
  return asChanges(pairs, before.length, after.length);
}

/** Lines that go and come together. */
interface Change {
  /** Their indices in the text before. */
  removed: number[];
  /** Their indices in the text after. */
  added: number[];
}

/** What goes and comes between lines that stay. */
export function changesOf(before: readonly string[], after: readonly string[]): Change[] {
  const all: Change[] = [];
  let current: Change | undefined;
  let [from, to] = [0, 0];
  for (const { added, removed, count } of diffOfLines(before, after)) {
    if (!added && !removed) current = undefined;
    else if (!current) {
      current = { removed: [], added: [] };
      all.push(current);
    }
    for (let step = 0; step < count; step++) {
      if (removed) current?.removed.push(from + step);
      if (added) current?.added.push(to + step);
    }
    if (!added) from += count;
    if (!removed) to += count;
  }
  return all;
}

interface Range {
  from: number;
  to: number;
  otherFrom: number;
  otherTo: number;
}

/** Adds the pairs within a range: its ends, then what is between lines that both texts have just once. */
function collect(
  before: readonly string[],
  after: readonly string[],
  { from, to, otherFrom, otherTo }: Range,
  depth: number,
  pairs: Pairs,
): void {
  while (from < to && otherFrom < otherTo && before[from] === after[otherFrom]) pairs.push([from++, otherFrom++]);
  const tail: Pairs = [];
  while (from < to && otherFrom < otherTo && before[to - 1] === after[otherTo - 1]) tail.push([--to, --otherTo]);
  if (from < to && otherFrom < otherTo) divide(before, after, { from, to, otherFrom, otherTo }, depth, pairs);
  for (const pair of tail.reverse()) pairs.push(pair);
}

function divide(before: readonly string[], after: readonly string[], range: Range, depth: number, pairs: Pairs): void {
  const places = placesOf(before, range.from, range.to);
  const others = placesOf(after, range.otherFrom, range.otherTo);
  const shared = [...places].flatMap(([line, at]): [number[], number[]][] => {
    const there = others.get(line);
    return there ? [[at, there]] : [];
  });
  if (shared.length === 0) return;
  const short = shortestBetween(before, after, shared);
  if (short) {
    for (const pair of short) pairs.push(pair);
    return;
  }
  const once = shared.flatMap(([at, there]) => (at.length === 1 && there.length === 1 ? [pairOf(at, there, 0)] : []));
  if (once.length === 0 || depth >= mostDivisions) {
    // The first of a line with the first of the same, the second with the second.
    const all = shared.flatMap(([at, there]) =>
      Array.from({ length: Math.min(at.length, there.length) }, (_, index) => pairOf(at, there, index)),
    );
    for (const pair of ascending(all)) pairs.push(pair);
    return;
  }
  let { from, otherFrom } = range;
  for (const [at, there] of ascending(once)) {
    collect(before, after, { from, to: at, otherFrom, otherTo: there }, depth + 1, pairs);
    pairs.push([at, there]);
    [from, otherFrom] = [at + 1, there + 1];
  }
  collect(before, after, { from, to: range.to, otherFrom, otherTo: range.otherTo }, depth + 1, pairs);
}

const pairOf = (at: readonly number[], there: readonly number[], index: number): [number, number] => [
  at[index] ?? 0,
  there[index] ?? 0,
];

function placesOf(lines: readonly string[], from: number, to: number): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (let index = from; index < to; index++) {
    const line = lines[index] ?? "";
    const known = places.get(line);
    if (known) known.push(index);
    else places.set(line, [index]);
  }
  return places;
}

/** Lines that only one text has are in no pair: without them little is left to compare. */
function shortestBetween(
  before: readonly string[],
  after: readonly string[],
  shared: readonly [number[], number[]][],
): Pairs | undefined {
  const inOrder = (lists: readonly number[][]) => lists.flat().sort((a, b) => a - b);
  const left = inOrder(shared.map(([at]) => at));
  const right = inOrder(shared.map(([, there]) => there));
  const changes = diffArrays(
    left.map((index) => before[index] ?? ""),
    right.map((index) => after[index] ?? ""),
    { maxEditLength: mostBetween },
  );
  return changes && pairsOf(changes).map(([index, other]) => [left[index] ?? 0, right[other] ?? 0]);
}

/** Indices of the lines that both texts have, as a difference says. */
export function pairsOf(changes: readonly LineChange[]): Pairs {
  const pairs: Pairs = [];
  let [index, other] = [0, 0];
  for (const { added, removed, count } of changes) {
    if (!added && !removed) for (let step = 0; step < count; step++) pairs.push([index + step, other + step]);
    if (!added) index += count;
    if (!removed) other += count;
  }
  return pairs;
}

/** As many of the pairs as can be in one order in both texts. */
function ascending(pairs: Pairs): Pairs {
  const sorted = [...pairs].sort(([a], [b]) => a - b);
  /** Of the chains of each length, the last link of the one that ends first in the other text. */
  const ends: number[] = [];
  const previous: (number | undefined)[] = [];
  sorted.forEach(([, other], index) => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[ends[middle] ?? 0]?.[1] ?? 0) < other) low = middle + 1;
      else high = middle;
    }
    previous[index] = low > 0 ? ends[low - 1] : undefined;
    ends[low] = index;
  });
  const chain: Pairs = [];
  for (let at = ends.at(-1); at !== undefined; at = previous[at]) {
    const pair = sorted[at];
    if (pair) chain.push(pair);
  }
  return chain.reverse();
}

function asChanges(pairs: Pairs, length: number, otherLength: number): LineChange[] {
  const changes: LineChange[] = [];
  const add = (added: boolean, removed: boolean, count: number) => {
    const last = changes.at(-1);
    if (count === 0) return;
    if (last?.added === added && last.removed === removed) last.count += count;
    else changes.push({ added, removed, count });
  };
  let [index, other] = [0, 0];
  for (const [at, there] of pairs) {
    add(false, true, at - index);
    add(true, false, there - other);
    add(false, false, 1);
    [index, other] = [at + 1, there + 1];
  }
  add(false, true, length - index);
  add(true, false, otherLength - other);
  return changes;
}
