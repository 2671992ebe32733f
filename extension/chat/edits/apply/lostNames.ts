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
  for (const part of functions(outline, outline.roots)) {
    const lines = outline.lines.slice(part.header, part.end);
    if (known.has(textOf(outline, part))) continue;
    const code = lines.map(bare);
    const words = new Set(code.join(" ").match(/[A-Za-z_$][\w$]*/g));
    for (const name of names) {
      if (!words.has(name)) continue;
      const word = wordOf(name);
      const use = code.findIndex((line) => new RegExp(word).test(line));
      if (use < 0 || code.some((line) => sets(line, word)) || new RegExp(word).test(code[0] ?? "")) continue;
      if (after.some((line, index) => !isWithin(part, index) && sets(bare(line), word) && /^\S/.test(line))) continue;
      // Never set in there: a name from elsewhere.
      if (!before.some((line) => localOf(line) === name && /^\s/.test(line))) continue;
      refuse(
        l10n.t("The code leaves lines out, and which is not clear: “{0}”.", (lines[use] ?? "").trim().slice(0, 60)),
      );
    }
  }
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

/** Whether a line could give the name a value, in any language: in doubt it does. */
function sets(line: string, word: string): boolean {
  const name = /\)([\w$\\]+)\(/.exec(word)?.[1] ?? "";
  const any = `(?<![\\w$.])${name}(?![\\w$])`;
  return (
    new RegExp(`${any}[^=(]*(?::=|(?<![=!<>])=(?![=>]))`).test(line) ||
    new RegExp(
      `\\b(?:for|foreach|as|with|catch|import|from|case|match|if let|while let|using|lambda|fn|function|def)\\b.*${any}`,
    ).test(line) ||
    new RegExp(`${any}[^=]*=>|\\|[^|]*${any}[^|]*\\||\\b(?:const|let|var|val|auto)\\b[^=]*${any}`).test(line) ||
    new RegExp(
      `^\\s*(?!return\\b|await\\b|throw\\b|yield\\b|delete\\b|raise\\b)[\\w<>:,.\\[\\]]+[\\s*&]+${any}\\s*[;,\\[]`,
    ).test(line)
  );
}

function* functions(outline: Outline, parts: readonly Part[], depth = 0): Generator<Part> {
  for (const part of parts) {
    const holds = part.declaration?.holds;
    if (holds === "body" || (holds === "value" && part.end > part.header + 1)) yield part;
    else if (holds === "members" && depth < 6) yield* functions(outline, outline.children(part), depth + 1);
  }
}
