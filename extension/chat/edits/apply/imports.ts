import * as l10n from "@vscode/l10n";
import type { Edit } from "./edit.js";
import { indentOf, isBlank, normalised } from "./indentation.js";
import type { Outline, Part } from "./parts.js";
import { refuse } from "./refusal.js";

/** Imports that the file lacks are put beside those it has; none is taken away. */
export function mergeImports(file: Outline, block: Outline, theirs: readonly Part[]): Edit[] {
  const ours = file.roots.filter(({ kind }) => kind === "import");
  const edits: Edit[] = [];
  const added: { part: Part; after: Part | undefined; next: Part | undefined; elidedAfter: boolean }[] = [];
  const wanted = theirs.map((part, index) => ({ part, index })).filter(({ part }) => part.kind === "import");
  const textOf = (outline: Outline, part: Part) => normalised(outline.lines.slice(part.header, part.end).join(" "));
  const equal = (part: Part) =>
    ours.find((our) => textOf(file, our).replace(/;$/, "") === textOf(block, part).replace(/;$/, ""));
  for (const { part, index } of wanted) {
    if (equal(part)) continue;
    const group = groupEdits(file, ours, block, part);
    if (group) {
      edits.push(...group);
      continue;
    }
    const same = sameModule(file, ours, block, part);
    if (same) {
      edits.push(...same);
      continue;
    }
    const after = theirs
      .slice(0, index)
      .findLast((other) => other.kind === "elision" || (other.kind === "import" && equal(other)));
    const next = theirs
      .slice(index + 1)
      .find((other) => other.kind === "elision" || (other.kind === "import" && equal(other)));
    added.push({
      part,
      after: after && after.kind !== "elision" ? equal(after) : undefined,
      next: next && next.kind !== "elision" ? equal(next) : undefined,
      elidedAfter: next?.kind === "elision" && after === undefined && isBeforeDeclarations(theirs, next),
    });
  }
  for (const { part, after, next, elidedAfter } of added)
    edits.push(added1(file, ours, block, theirs, part, after, next, elidedAfter));
  return edits;
}

/** What is left out between imports and the first declaration begins with imports. */
const isBeforeDeclarations = (theirs: readonly Part[], part: Part) => {
  const at = theirs.indexOf(part);
  return theirs.slice(at).some(({ kind }) => kind === "import");
};

function added1(
  file: Outline,
  ours: readonly Part[],
  block: Outline,
  theirs: readonly Part[],
  part: Part,
  after: Part | undefined,
  next: Part | undefined,
  first: boolean,
): Edit {
  const indent = indentOf(block.headerLine(part));
  const lines = block.lines
    .slice(part.header, part.end)
    .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
  if (after) return { start: after.end, end: after.end, lines };
  if (next) return { start: next.start, end: next.start, lines };
  const edge = first ? ours[0] : lastOfTop(file, ours);
  if (edge) {
    const at = first ? edge.start : edge.end;
    return { start: at, end: at, lines };
  }
  const { at, blanksBefore } = topOf(file);
  const isLast = theirs.findLast(({ kind }) => kind === "import") === part;
  const isFirst = theirs.find(({ kind }) => kind === "import") === part;
  const follows = theirs[theirs.indexOf(part) + 1];
  const gap = isLast && !isBlank(file.lines[at]) ? Math.max(follows?.blanks ?? 1, 1) : 0;
  const before = isFirst && blanksBefore ? [""] : [];
  return { start: at, end: at, lines: [...before, ...lines, ...Array.from({ length: gap }, () => "")] };
}

/** An import in the middle of a file is none to add others to. */
function lastOfTop(file: Outline, ours: readonly Part[]): Part | undefined {
  let last: Part | undefined;
  for (const part of file.roots) {
    if (ours.includes(part)) last = part;
    else if (part.kind === "declaration" && part.declaration?.holds !== "value" && last) break;
  }
  return last ?? ours[0];
}

/** Where imports begin in a file without any: below what has to be first. */
function topOf(file: Outline): { at: number; blanksBefore: boolean } {
  const head = /^(?:#!|#.*coding[:=]|<\?php|package\b|["']use \w+["'];?$|#pragma once|\/\/go:build|#!\[)/;
  let at = 0;
  let blanksBefore = false;
  for (const part of file.roots) {
    const line = file.headerLine(part).trim();
    if (/^#\s*ifndef\b/.test(line)) refuse(l10n.t("It is not clear where the new include belongs in this header."));
    const isDocstring =
      part.kind === "statement" && /^(?:[rRuU]?"""|'''|")/.test(line) && file.language.longQuotes.includes('"""');
    if (part.kind !== "comment" && !head.test(line) && !isDocstring) break;
    at = part.end;
    blanksBefore = true;
  }
  return { at, blanksBefore };
}

/** Go's "import ( … )". */
function groupEdits(file: Outline, ours: readonly Part[], block: Outline, part: Part): Edit[] | undefined {
  const isGroup = (outline: Outline, each: Part) => /^import\s*\($/.test(outline.headerLine(each).trim());
  const specs = (outline: Outline, each: Part) =>
    outline.lines.slice(each.header + 1, each.end - 1).filter((line) => !isBlank(line));
  const group = ours.find((our) => isGroup(file, our));
  if (isGroup(block, part)) {
    if (group) return intoGroup(file, group, specs(block, part));
    const single = ours.map((our) => normalised(file.headerLine(our)).replace(/^import\s+/, ""));
    const listed = new Set(specs(block, part).map(normalised));
    if (ours.length === 0) return undefined;
    if (!single.every((spec) => listed.has(spec)))
      return refuse(l10n.t("The code groups the imports, but omits some that the file has."));
    const [first, ...others] = ours as [Part, ...Part[]];
    return [
      { start: first.start, end: first.end, lines: block.lines.slice(part.header, part.end) },
      ...others.map(({ start, end }) => ({ start, end, lines: [] })),
    ];
  }
  const spec = /^import\s+((?:[\w.]+\s+)?"[^"]+")$/.exec(block.headerLine(part).trim())?.[1];
  return spec !== undefined && group ? intoGroup(file, group, [spec]) : undefined;
}

function intoGroup(file: Outline, group: Part, specs: readonly string[]): Edit[] {
  const known = file.lines.slice(group.header + 1, group.end - 1).map(normalised);
  const edits: Edit[] = [];
  let at = group.end - 1;
  for (const spec of specs) {
    const place = known.indexOf(normalised(spec));
    if (place >= 0) at = group.header + 2 + place;
    else edits.push({ start: at, end: at, lines: [`\t${spec.trim()}`] });
  }
  // What comes before all that the file has.
  const firstKnown = specs.findIndex((spec) => known.includes(normalised(spec)));
  if (firstKnown > 0) {
    for (let index = 0; index < firstKnown; index++) {
      const edit = edits[index];
      if (edit) {
        const place = group.header + 1 + known.indexOf(normalised(specs[firstKnown] ?? ""));
        edits[index] = { start: place, end: place, lines: edit.lines };
      }
    }
  }
  return edits;
}

interface Names {
  head: string;
  names: string[];
  tail: string;
}

const namedForms = [
  /^(from\s+[\w.]+\s+import\s+\(?)([^()#]+?)(\)?)$/,
  /^((?:import|export)\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?\{)([^}]*)(\}\s*from\s*["'][^"']+["'];?)$/,
  /^((?:const|let|var)\s*\{)([^}]*)(\}\s*=\s*require\(["'][^"']+["']\);?)$/,
  /^((?:pub )?use\s+[\w:]+::\{)([^{}]*)(\};?)$/,
];

function namesOf(text: string): Names | undefined {
  for (const form of namedForms) {
    const [, head, names, tail] = form.exec(text) ?? [];
    if (head === undefined || names === undefined) continue;
    return { head, names: names.split(",").map(normalised).filter(Boolean), tail: tail ?? "" };
  }
  return undefined;
}

/** Names from a module that the file has names from already. */
function sameModule(file: Outline, ours: readonly Part[], block: Outline, part: Part): Edit[] | undefined {
  const text = (outline: Outline, each: Part) => normalised(outline.lines.slice(each.header, each.end).join(" "));
  const wanted = namesOf(text(block, part));
  if (!wanted) return undefined;
  const bare = (names: Names) => `${names.head}|${names.tail}`.replaceAll(/[\s();]/g, "").replaceAll('"', "'");
  const same = ours.filter((our) => {
    const names = namesOf(text(file, our));
    return names !== undefined && bare(names) === bare(wanted);
  });
  const [our, ...others] = same;
  if (!our) return undefined;
  if (others.length > 0) return refuse(l10n.t("The file imports from the same module {0} times.", same.length));
  const known = namesOf(text(file, our));
  if (!known) return undefined;
  const missing = wanted.names.filter((name) => !known.names.includes(name));
  if (missing.length === 0) return [];
  // The block has all that the file has: as it writes them.
  if (known.names.every((name) => wanted.names.includes(name))) {
    return [{ start: our.header, end: our.end, lines: block.lines.slice(part.header, part.end) }];
  }
  if (our.end - our.header === 1) {
    const line = file.headerLine(our);
    const last = known.names.at(-1) ?? "";
    const at = line.lastIndexOf(last) + last.length;
    const rest = line.slice(at);
    return [
      {
        start: our.header,
        end: our.end,
        lines: [`${line.slice(0, at)}, ${missing.join(", ")}${rest.replace(/^,/, "")}`],
      },
    ];
  }
  const inner = file.lines.slice(our.header + 1, our.end - 1);
  const last = inner.at(-1);
  if (last === undefined || !/,\s*$/.test(last))
    return refuse(l10n.t("It is not clear how to add a name to the file's imports."));
  const indent = /^\s*/.exec(last)?.[0] ?? "";
  return [{ start: our.end - 1, end: our.end - 1, lines: missing.map((name) => `${indent}${name},`) }];
}
