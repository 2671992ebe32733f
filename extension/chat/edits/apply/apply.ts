import * as l10n from "@vscode/l10n";
import { settleBlankLines } from "./blankSeams.js";
import { insertedConstants } from "./constants.js";
import { refuseDoubledNames } from "./doubledNames.js";
import { applyEdits, type Edit } from "./edit.js";
import { elidedBody, elisionOf } from "./elision.js";
import { replaceExcerpt } from "./excerpt.js";
import {
  refuseLoss,
  refuseMisfilled,
  refuseRepetition,
  refuseShownTwice,
  refuseUnreachable,
} from "./filledElisions.js";
import { refuseOtherLanguage, refuseOwnImport } from "./foreign.js";
import { formOf } from "./forms.js";
import { indentOf, isBlank, unitOf } from "./indentation.js";
import { insertedKeys } from "./insertion.js";
import { isPython, type Language, languageOf } from "./language.js";
import { locate } from "./locate.js";
import { refuseLostNames } from "./lostNames.js";
import { mergeMembers } from "./merge.js";
import { Outline, type Part } from "./parts.js";
import { isPathOf, pathIn } from "./paths.js";
import { refusePlaceholders } from "./placeholders.js";
import { Refusal, refuse } from "./refusal.js";
import { scan } from "./scan.js";
import { applySearchReplace, isSearchReplace } from "./searchReplace.js";
import { mergeSections } from "./sections.js";
import type { Sides, SymbolRange } from "./sides.js";
import { mergeSnippet } from "./snippet.js";
import { blockLines, SourceText } from "./sourceText.js";
import { applyDiff, isDiff } from "./unifiedDiff.js";
import { asWholeFile, isWholeFile, withFirstLineIndented } from "./wholeFile.js";

export interface ApplyRequest {
  /** Of the file: its name says which language it is in. */
  path: string;
  /** The file as it is. */
  original: string;
  /** The code of an answer, as a model writes it: a part of the file, all of it, a diff, search and replace blocks. */
  block: string;
  /** Of the file, where a language server tells them. */
  symbols?: readonly SymbolRange[];
}

export type ApplyResult =
  | {
      text: string;
      /** Whether places in the file were changed, or all of it was replaced. */
      scope: "places" | "file";
    }
  /** Why nothing is changed, as a sentence for the person. */
  | { refused: string };

/** Longer files and blocks are refused, in characters: nothing here may hold up the extension host. */
const longest = 2_000_000;
const longestBlock = 400_000;

/**
 * Puts the code of an answer where it belongs in a file. Where that is in doubt it refuses: a wrong edit that looks
 * right is worse than none. Byte order mark, line ends, tabs and the end of the file stay.
 */
export function applyBlock(request: ApplyRequest): ApplyResult {
  try {
    return apply(request);
  } catch (error) {
    if (error instanceof Refusal) return { refused: error.message };
    throw error;
  }
}

function apply({ path, original, block: text, symbols = [] }: ApplyRequest): ApplyResult {
  if (original.length > longest || text.length > longestBlock)
    refuse(l10n.t("The file or the code is too long to apply."));
  if (original.includes("\0")) refuse(l10n.t("The file is not text."));
  const source = new SourceText(original);
  const raw = blockLines(text);
  if (raw.length === 0) refuse(l10n.t("There is no code in the block."));
  const language = languageOf(path);
  const comment = commentPattern(language);
  const block = isSearchReplace(raw) ? raw : unfenced(raw);
  if (isSearchReplace(block)) {
    const lines = applySearchReplace(source.lines, block, path, comment);
    return finished(source, lines, language, "places");
  }
  const known = knownIn(source.lines);
  const file = new Outline(source.lines, language, () => true);
  if (isDiff(block, source.lines)) {
    const { lines, endsWithNewline } = applyDiff(file, block, path, comment);
    return finished(source, lines, language, "places", endsWithNewline);
  }
  const code = new Outline(prepared(block, path, language, source), language, known);
  refuseOwnImport(file, code, path);
  refuseOtherLanguage(file, code);
  const sides = { file, block: code, symbols };
  try {
    return applyCode(sides, source);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const edits = insertedIn(sides);
    if (!edits) throw error;
    return checked(source, applyEdits(file.lines, edits), language, "places");
  }
}

/** What is only put in, where the block says certainly enough where it belongs. */
function insertedIn(sides: Sides): Edit[] | undefined {
  const { roots } = sides.block;
  if (roots.length === 0 || roots.some((part) => sides.block.isElided(part))) return undefined;
  return insertedKeys(sides) ?? insertedConstants(sides);
}

function applyCode(sides: Sides, source: SourceText): ApplyResult {
  const { file, block } = sides;
  const { language } = file;
  if (block.roots.length === 0) refuse(l10n.t("There is no code in the block."));
  const isElided = block.roots.some((part) => block.isElided(part));
  if (source.isEmpty) {
    if (isElided) refuse(l10n.t("The code leaves lines out, but the file is empty."));
    return { text: source.withLines(block.lines), scope: "file" };
  }
  if (isElided && !endsOpen(block) && language.kind === "code" && file.balance === 0 && block.balance !== 0)
    refuse(l10n.t("The code is not complete: its brackets don't match."));
  if (locate(file.lines, block.lines, undefined).length > 0) refuse(l10n.t("The file already has this code."));
  const isCut = (file.balance === 0 && block.balance !== 0) || (isPython(language) && hasEmptyBlock(block.lines));
  if (!isElided && language.kind === "code" && isCut) {
    const excerpt = replaceExcerpt(file.lines, block.lines);
    if (!excerpt) refuse(l10n.t("The code is not complete: its brackets don't match."));
    const lines = applyEdits(file.lines, [excerpt]);
    refuseRepetition(file.lines, block.lines, lines);
    return checked(source, lines, language, "places");
  }
  if (!isElided) {
    const whole = isWholeFile(file, block);
    if (typeof whole === "string") refuse(whole);
    if (whole) return checked(source, asWholeFile(file, block), language, "file");
  }
  const sections = language.kind === "prose" && !isElided ? mergeSections(file.lines, block.lines) : undefined;
  if (sections) return checked(source, applyEdits(file.lines, sections), language, "places");
  const named = block.roots.some((part) => part.kind === "import" || (part.declaration && !isLocal(sides, part)));
  const edits =
    named || isRootLevel(sides) ? mergeMembers(sides, file.roots, block.roots, undefined) : mergeSnippet(sides);
  const lines = settleBlankLines(file.lines, block, applyEdits(file.lines, edits), isElided);
  refuseRepetition(file.lines, block.lines, lines);
  if (isElided) {
    refuseMisfilled(block, lines);
    refuseLoss(file.lines, lines);
    refuseShownTwice(file.lines, block.lines, lines);
    refuseUnreachable(file.lines, block.lines, lines);
  }
  return checked(source, lines, language, "places");
}

/** Ends with what it leaves out, which closes what is open. */
const endsOpen = (block: Outline) =>
  block.roots.some(
    (part) =>
      part.end === block.lines.length &&
      block.isElided(part) &&
      elisionOf(block.lines.at(-1) ?? "", () => false) !== undefined,
  );

/** A variable among statements, which the file's own level does not have: they are from inside of a function. */
function isLocal({ file, block }: Sides, part: Part): boolean {
  const isConstant = formOf(block, part) === "constant" && !/^\s*(?:export|pub)\b/.test(block.headerLine(part));
  if (!isConstant || !block.roots.some(({ kind }) => kind === "statement")) return false;
  return !file.roots.some((our) => file.keyOf(our) === block.keyOf(part));
}

/** Statements of the file's own level, with some left out: not inside of a function. */
function isRootLevel({ file, block }: Sides): boolean {
  const code = block.roots.filter(({ kind }) => kind !== "elision" && kind !== "comment");
  if (!block.roots.some(({ kind }) => kind === "elision") && file.language.kind !== "keys") return false;
  const keys = new Set(file.roots.map((part) => file.keyOf(part)).filter(Boolean));
  return code.length > 0 && code.every((part) => keys.has(block.keyOf(part)));
}

/** For code that doesn't say itself which lines go, as a diff does. */
function checked(
  source: SourceText,
  lines: readonly string[],
  language: Language,
  scope: "places" | "file",
): ApplyResult {
  refusePlaceholders(source.lines, lines, language);
  refuseLostNames(source.lines, lines, language);
  refuseDoubledNames(source.lines, lines, language);
  return finished(source, lines, language, scope);
}

/** A last look: what an edit must not do to a file, whatever led to it. */
function finished(
  source: SourceText,
  lines: readonly string[],
  language: Language,
  scope: "places" | "file",
  endsWithNewline?: boolean,
): ApplyResult {
  const known = knownIn(source.lines);
  for (const line of lines) {
    if (
      elisionOf(line, known) === "certain" ||
      (!known(line) && elidedBody(line) !== undefined && !/^\s*(?:async\s+)?(?:def|class)\b/.test(line))
    ) {
      refuse(l10n.t("The code leaves lines out, and which is not clear: “{0}”.", line.trim().slice(0, 60)));
    }
  }
  const before = scan(source.lines, language).balance;
  const after = scan(lines, language).balance;
  if (before === 0 && after !== 0 && language.kind !== "prose")
    refuse(l10n.t("The code is not complete: its brackets don't match."));
  const text = source.withLines(lines, endsWithNewline);
  if (text === source.withLines(source.lines)) refuse(l10n.t("The file already has this code."));
  if (isJson(source.lines) && !isJson(lines)) {
    const mended = withCommas(lines);
    if (isJson(mended)) return { text: source.withLines(mended, endsWithNewline), scope };
    refuse(l10n.t("The file would not be JSON any more."));
  }
  if (isPython(language) && hasEmptyBlock(lines) && !hasEmptyBlock(source.lines)) {
    refuse(l10n.t("The code has lost its indentation, so it is not clear where its lines belong."));
  }
  return { text, scope };
}

function isJson(lines: readonly string[]): boolean {
  const text = lines.join("\n");
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A new last entry wants a comma behind the one before, and none behind itself. */
function withCommas(lines: readonly string[]): string[] {
  let below = "";
  const nexts = lines.map(() => "");
  for (let index = lines.length - 1; index >= 0; index--) {
    nexts[index] = below;
    if (!isBlank(lines[index])) below = (lines[index] ?? "").trim();
  }
  return lines.map((line, index) => {
    const next = nexts[index] ?? "";
    if (/["\w}\]]\s*$/.test(line) && /^["{[\w-]/.test(next)) return `${line.trimEnd()},`;
    return /^[}\]]/.test(next) ? line.replace(/,\s*$/, "") : line;
  });
}

/** Of Python: a line that opens a block, and nothing in it. */
function hasEmptyBlock(lines: readonly string[]): boolean {
  const code = lines.filter((line) => !isBlank(line) && !/^\s*#/.test(line));
  const opens =
    /^\s*(?:(?:async\s+)?(?:def|class|if|elif|else|for|while|try|except|finally|with)\b.*|\).*):\s*(?:#.*)?$/;
  return code.some((line, index) => {
    const next = code[index + 1];
    return opens.test(line) && (next === undefined || indentOf(next).length <= indentOf(line).length);
  });
}

function knownIn(lines: readonly string[]): (line: string) => boolean {
  const known = new Set(lines.map((line) => line.trim()));
  return (line) => known.has(line.trim());
}

/** Without the fence around it, where the block has brought it along. */
function unfenced(lines: readonly string[]): string[] {
  const opening = /^\s*(`{3,}|~{3,})/.exec(lines[0] ?? "")?.[1];
  if (opening === undefined) return [...lines];
  const end = lines.findLastIndex((line) => line.trim() === opening);
  return end > 0 ? blockLines(lines.slice(1, end).join("\n")) : [...lines.slice(1)];
}

/** The block's lines with their indentation mended, and without a first line that only names the file. */
function prepared(block: readonly string[], path: string, language: Language, source: SourceText): string[] {
  let lines = [...block];
  const named = pathIn(lines[0] ?? "");
  if (named !== undefined && !knownIn(source.lines)(lines[0] ?? "") && lines.length > 1) {
    if (!isPathOf(named, path)) refuse(l10n.t("The code is for another file: {0}.", named));
    lines = unfenced(blockLines(lines.slice(1).join("\n")));
  }
  lines = withFirstLineIndented(lines);
  const isFlat = lines.filter((line) => !isBlank(line)).length > 2 && lines.every((line) => indentOf(line) === "");
  if (!isFlat || language.kind === "prose") return lines;
  if (isPython(language)) {
    if (hasEmptyBlock(lines)) refuse(l10n.t("The code has lost its indentation."));
    return lines;
  }
  return language.family === "brackets" ? indentedByBrackets(lines, language, source) : lines;
}

function indentedByBrackets(lines: readonly string[], language: Language, source: SourceText): string[] {
  const { depth, closers } = scan(lines, language);
  const unit = unitOf(source.lines) ?? { tabs: false, columns: 4 };
  const step = unit.tabs ? "\t" : " ".repeat(unit.columns);
  return lines.map((line, index) =>
    isBlank(line) ? "" : step.repeat(Math.max((depth[index] ?? 0) - (closers[index] ?? 0), 0)) + line,
  );
}

/** A comment at a line's end, or alone on it. */
function commentPattern({ lineComments, blockComments, kind }: Language): RegExp | undefined {
  if (kind === "prose") return undefined;
  const literal = (mark: string) => mark.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const forms = lineComments.map((mark) => `(?:^|\\s)${literal(mark)}+(?:\\s.*)?$`);
  for (const [open, close] of blockComments) forms.push(`^\\s*${literal(open)}.*?${literal(close)}\\s*$`);
  if (blockComments.some(([open]) => open === "/*")) forms.push("^\\s*/?\\*+(?:\\s.*|/)?$");
  return forms.length > 0 ? new RegExp(forms.join("|")) : undefined;
}
