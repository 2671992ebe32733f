import * as l10n from "@vscode/l10n";
import { normalised } from "./indentation.js";
import { equalLines, isEqual, likeness } from "./likeness.js";
import { withoutMarks } from "./names.js";
import { oncePer } from "./oncePer.js";
import type { Outline, Part } from "./parts.js";
import { refuse } from "./refusal.js";
import { namesIn, wholeName, withLinesOf } from "./renames.js";
import type { Sides } from "./sides.js";

/**
 * The part of the file that a part of the block is another version of.
 * @param deeper whether it may be inside of others: a method without its class
 * @returns undefined when the file has none
 * @throws Refusal when there are several and nothing tells them apart
 */
export function counterpart(
  sides: Sides,
  ours: readonly Part[],
  other: Part,
  deeper: boolean,
  theirs: readonly Part[],
): Part | undefined {
  const { file, block } = sides;
  const key = block.keyOf(other);
  if (other.kind === "statement") {
    const equal = ours.filter((part) => isEqual(file, part, block, other));
    if (equal.length > 0) return equal[0];
    const keyed = key === undefined ? [] : withKey(file, ours, key);
    if (keyed.length > 1)
      refuse(l10n.t("The file has “{0}” {1} times.", block.headerLine(other).trim().slice(0, 60), keyed.length));
    const [one] = keyed;
    // That of the file is another one than that of a function whose first lines are shown.
    if (one && key === "documents" && likeness(file.text(one).join(" "), block.text(other).join(" ")) < 0.3)
      refuse(l10n.t("The code leaves lines out without a mark for them."));
    return one;
  }
  const found = deeper ? everywhere(file, ours, key) : withKey(file, ours, key);
  const one = only(sides, found, other, ours);
  return one ?? bySymbol(sides, other, deeper) ?? renamed(sides, ours, other, theirs);
}

type ByKey = Map<string | undefined, Part[]>;

const keysOf = oncePer((parts: readonly Part[], file: Outline): ByKey => {
  const keys: ByKey = new Map();
  for (const part of parts) addTo(keys, file.keyOf(part), part);
  return keys;
});

const withKey = (file: Outline, parts: readonly Part[], key: string | undefined): readonly Part[] =>
  keysOf(parts, file).get(key) ?? [];

function addTo(keys: ByKey, key: string | undefined, part: Part): void {
  const known = keys.get(key);
  if (known) known.push(part);
  else keys.set(key, [part]);
}

/** Parts by their keys: members, and what is inside of functions. */
const indexOf = oncePer((parts: readonly Part[], file: Outline): { members: ByKey; nested: ByKey } => {
  const members: ByKey = new Map();
  const nested: ByKey = new Map();
  const look = (level: readonly Part[], into: ByKey, depth: number) => {
    for (const part of level) {
      addTo(into, file.keyOf(part), part);
      if (depth > 8 || part.end <= part.header + 1 || part.kind === "comment" || part.kind === "import") continue;
      look(file.children(part), part.declaration?.holds === "body" ? nested : into, depth + 1);
    }
  };
  look(parts, members, 0);
  return { members, nested };
});

function everywhere(file: Outline, parts: readonly Part[], key: string | undefined): Part[] {
  const { members, nested } = indexOf(parts, file);
  return members.get(key) ?? nested.get(key) ?? [];
}

function only(sides: Sides, found: readonly Part[], other: Part, ours: readonly Part[]): Part | undefined {
  if (found.length < 2) return found[0];
  const { file, block } = sides;
  const header = normalised(withoutMarks(block.headText(other)));
  const same = (part: Part) => normalised(withoutMarks(file.headText(part))) === header;
  const tests: ((part: Part) => boolean)[] = [
    // A rule inside of a media query would be shown inside of it.
    (part) => file.language.kind === "styles" && ours.includes(part),
    (part) => same(part) && sameMarks(file, part, block, other),
    same,
    (part) => sameMarks(file, part, block, other) && marks(block, other) !== "",
    (part) => hasSelf(file, part) === hasSelf(block, other) && ours.includes(part) !== hasSelf(block, other),
  ];
  const shares = new Map(found.map((part) => [part, share(file, part, block, other)]));
  const [best, second] = [...shares].sort(([, a], [, b]) => b - a);
  for (const test of tests) {
    const left = found.filter(test);
    const [one] = left;
    // What is inside may belong to another one of that name.
    if (left.length === 1 && one && (best?.[1] ?? 0) - (shares.get(one) ?? 0) <= 0.2) return one;
    if (left.length > 0) break;
  }
  if (best && second && best[1] >= 0.6 && second[1] <= 0.3) return best[0];
  const told = byOwnLines(file, found, block, other);
  if (told) return told;
  return refuse(
    l10n.t(
      "The file has {0} {1} times, and the code doesn't say which.",
      other.declaration?.name ?? header,
      found.length,
    ),
  );
}

/** So many lines that only one of several has tell that it is meant. */
const tellingLines = 2;

/** The only one of which the block has lines that none of the others has. */
function byOwnLines(file: Outline, found: readonly Part[], block: Outline, other: Part): Part | undefined {
  const words = (line: string) => (line.match(/\w+/g) ?? []).length >= 2;
  const linesOf = (outline: Outline, part: Part) =>
    new Set(
      outline.lines
        .slice(part.header + 1, part.end)
        .map(normalised)
        .filter(words),
    );
  const all = found.map((part) => linesOf(file, part));
  const shown = linesOf(block, other);
  const own = all.map((lines) =>
    [...lines].filter((line) => shown.has(line) && all.every((each) => each === lines || !each.has(line))),
  );
  const telling = own.flatMap((lines, index) => (lines.length > 0 ? [index] : []));
  const [one] = telling;
  return telling.length === 1 && one !== undefined && (own[one]?.length ?? 0) >= tellingLines ? found[one] : undefined;
}

/** How much of what is inside two parts is the same, 0 to 1. */
function share(file: Outline, part: Part, block: Outline, other: Part): number {
  const [ours, theirs] = [file.lines.slice(part.header + 1, part.end), block.lines.slice(other.header + 1, other.end)];
  const count = (lines: readonly string[]) => lines.filter((line) => /\w/.test(line)).length;
  const common = equalLines(ours, theirs).filter(([index]) => /\w/.test(ours[index] ?? "")).length;
  return common / Math.max(1, count(ours), count(theirs));
}

const marks = (outline: Outline, part: Part) =>
  outline.lines
    .slice(part.start, part.header)
    .filter((line) => /^\s*[@#[]/.test(line) && !/^\s*# /.test(line))
    .map(normalised)
    .join("\n");

const sameMarks = (file: Outline, part: Part, block: Outline, other: Part) => marks(file, part) === marks(block, other);

const hasSelf = (outline: Outline, part: Part) => /\(\s*(?:&?(?:mut )?self|cls)\b/.test(outline.headerLine(part));

/** What our own reading of the file does not find, a language server may. */
function bySymbol({ file, block, symbols }: Sides, other: Part, deeper: boolean): Part | undefined {
  const name = other.declaration?.name;
  if (name === undefined || !deeper) return undefined;
  const [symbol, ...others] = symbols.filter((each) => each.name.replace(/\(.*$/, "") === name);
  if (!symbol || others.length > 0) return undefined;
  const { start, end, nameLine } = symbol;
  if (!(start >= 0 && start <= nameLine && nameLine <= end && end < file.lines.length)) return undefined;
  if (!block.headerLine(other).includes(name)) return undefined;
  return { start, header: nameLine, end: end + 1, kind: "declaration", declaration: other.declaration, blanks: 0 };
}

/** One that differs in nothing but its name: nobody writes the same function twice. */
function renamed(
  { file, block }: Sides,
  ours: readonly Part[],
  other: Part,
  theirs: readonly Part[],
): Part | undefined {
  const name = other.declaration?.name;
  const body = block.lines.slice(other.header + 1, other.end);
  // Bodies of a word or two are often the same.
  if (name === undefined || (body.join("\n").match(/\w+/g) ?? []).length < 3) return undefined;
  const names = namesIn(theirs);
  const alike: Part[] = [];
  const near: Part[] = [];
  for (const part of withLinesOf(file, ours, block, other)) {
    const old = part.declaration?.name;
    if (old === undefined || names.has(old) || part.end <= part.header + 1) continue;
    const [before, after] = asOneName(file, part, block, other);
    // Its first line and its brackets say nothing: those of another function are the same.
    const [inside, now] = [before, after].map((lines) => lines.slice(1).filter((line) => /\w/.test(line))) as [
      string[],
      string[],
    ];
    const common = now.filter((line) => inside.includes(line)).length;
    if (before.length === after.length && before.every((line, index) => line === after[index])) alike.push(part);
    else if (common > 0 && common >= 0.6 * Math.max(inside.length, now.length)) near.push(part);
  }
  if (alike.length === 1) return alike[0];
  const [similar] = near;
  if (similar)
    refuse(
      l10n.t(
        "The file has no {0}. It may be a new name for {1}, or a new function.",
        name,
        similar.declaration?.name ?? "",
      ),
    );
  return undefined;
}

/** The lines of both, as if what they declare had one name. */
function asOneName(file: Outline, part: Part, block: Outline, other: Part): [string[], string[]] {
  const [old = "", name = ""] = [part.declaration?.name, other.declaration?.name];
  const form = wholeName(old);
  const before = file.lines.slice(part.header, part.end).map((line) => normalised(line).replaceAll(form, name));
  const after = block.lines.slice(other.header, other.end).map(normalised);
  return [before.filter(Boolean), after.filter(Boolean)];
}

/** Whether two functions differ in nothing but their names. */
export function differsInName(file: Outline, part: Part, block: Outline, other: Part): boolean {
  if (part.declaration === undefined || other.declaration === undefined) return false;
  const [before, after] = asOneName(file, part, block, other);
  return before.length === after.length && before.every((line, index) => line === after[index]);
}
