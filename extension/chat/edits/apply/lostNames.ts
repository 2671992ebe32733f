import * as l10n from "@vscode/l10n";
import type { Language } from "./language.js";
import { assignedTo } from "./names.js";
import { Outline, type Part } from "./parts.js";
import { refuse } from "./refusal.js";

/**
 * Lines that were left out without a mark show in what is missing: a variable that is still used, and set nowhere now.
 * @throws Refusal where a changed function has one
 */
export function refuseLostNames(before: readonly string[], after: readonly string[], language: Language): void {
  if (language.kind !== "code" || language.statementEnd !== undefined) return;
  const kept = new Set(after);
  const removed = before.filter((line) => !kept.has(line));
  const names = new Set(removed.flatMap((line) => localOf(line) ?? []));
  if (names.size === 0) return;
  const was = new Outline(before, language, () => true);
  const known = new Set([...functions(was, was.roots)].map((part) => textOf(was, part)));
  const outline = new Outline(after, language, () => true);
  const forms = new Map<string, Forms>();
  const formsOf = (name: string) => {
    const known = forms.get(name) ?? formsIn(after, name);
    forms.set(name, known);
    return known;
  };
  for (const part of functions(outline, outline.roots)) {
    const lines = outline.lines.slice(part.header, part.end);
    if (known.has(textOf(outline, part))) continue;
    const code = lines.map(bare);
    const words = new Set(code.join(" ").match(/[A-Za-z_$][\w$]*/g));
    for (const name of usedOf(names, words)) {
      const { word, sets, setAt } = formsOf(name);
      const use = code.findIndex((line) => word.test(line));
      if (use < 0 || word.test(code[0] ?? "") || code.some(sets)) continue;
      if (setAt().some((index) => !isWithin(part, index))) continue;
      // Never set in there: a name from elsewhere.
      if (!before.some((line) => localOf(line) === name && /^\s/.test(line))) continue;
      refuse(
        l10n.t("The code leaves lines out, and which is not clear: “{0}”.", (lines[use] ?? "").trim().slice(0, 60)),
      );
    }
  }
}

/** The names among the words, in their own order: the fewer of both are gone through. */
function usedOf(names: ReadonlySet<string>, words: ReadonlySet<string>): string[] {
  if (names.size <= words.size) return [...names].filter((name) => words.has(name));
  return [...words].filter((word) => names.has(word));
}

/** How a name is looked for. */
interface Forms {
  word: RegExp;
  sets: (line: string) => boolean;
  /** Indices of the lines of the file's own level that set it. */
  setAt: () => readonly number[];
}

function formsIn(lines: readonly string[], name: string): Forms {
  const sets = setting(name);
  let found: number[] | undefined;
  const setAt = () => {
    found ??= lines.flatMap((line, index) => (/^\S/.test(line) && sets(bare(line)) ? [index] : []));
    return found;
  };
  return { word: new RegExp(wordOf(name)), sets, setAt };
}

const textOf = ({ lines }: Outline, { header, end }: Part) => lines.slice(header, end).join("\n");

const isWithin = ({ header, end }: Part, index: number) => index >= header && index < end;

/** A plain variable that a line inside of something sets. */
function localOf(line: string): string | undefined {
  if (!/^\s/.test(line)) return undefined;
  const declared = /^\s*(?:const|let|var|val|auto|my|local)\s+(?:mut\s+)?([A-Za-z_$][\w$]*)\b/.exec(line)?.[1];
  const name = declared ?? assignedTo(line);
  return name !== undefined && /^[A-Za-z_$][\w$]*$/.test(name) ? name : undefined;
}

/** Without texts and comments. */
const bare = (line: string) =>
  line
    .replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '""')
    .replace(/(?:^|\s)(?:\/\/|#\s|--\s).*$/, "")
    .replace(/^\s*(?:\/?\*|#).*$/, "");

/** Not the property of something, nor a key. */
const wordOf = (name: string) => `(?<![\\w$.>])${name.replaceAll("$", "\\$")}(?![\\w$]|\\s*:(?!:)|\\s*=(?!=))`;

/** Tells whether a line could give the name a value, in any language: in doubt it does. */
function setting(name: string): (line: string) => boolean {
  const any = `(?<![\\w$.])${name.replaceAll("$", "\\$")}(?![\\w$])`;
  const forms = [
    `${any}[^=(]*(?::=|(?<![=!<>])=(?![=>]))`,
    `\\b(?:for|foreach|as|with|catch|import|from|case|match|if let|while let|using|lambda|fn|function|def)\\b.*${any}`,
    `${any}[^=]*=>|\\|[^|]*${any}[^|]*\\||\\b(?:const|let|var|val|auto)\\b[^=]*${any}`,
    `^\\s*(?!return\\b|await\\b|throw\\b|yield\\b|delete\\b|raise\\b)[\\w<>:,.\\[\\]]+[\\s*&]+${any}\\s*[;,\\[]`,
  ].map((form) => new RegExp(form));
  return (line) => line.includes(name) && forms.some((form) => form.test(line));
}

function* functions(outline: Outline, parts: readonly Part[], depth = 0): Generator<Part> {
  for (const part of parts) {
    const holds = part.declaration?.holds;
    if (holds === "body" || (holds === "value" && part.end > part.header + 1)) yield part;
    else if (holds === "members" && depth < 6) yield* functions(outline, outline.children(part), depth + 1);
  }
}
