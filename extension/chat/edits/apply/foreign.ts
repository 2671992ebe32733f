import * as l10n from "@vscode/l10n";
import { normalised } from "./indentation.js";
import { isPython } from "./language.js";
import type { Outline } from "./parts.js";
import { refuse } from "./refusal.js";

const ending = /\.(?:[cm]?[jt]sx?|pyi?)$/;

/**
 * Code that imports from the file itself uses it: it is a test, or an example.
 * @throws Refusal where it does and the file does not
 */
export function refuseOwnImport(file: Outline, block: Outline, path: string): void {
  const own = path.replaceAll("\\", "/").replace(/^\.\//, "");
  if (!ending.test(own)) return;
  const stem = own.replace(ending, "");
  for (const part of block.roots) {
    if (part.kind !== "import") continue;
    const text = normalised(block.lines.slice(part.header, part.end).join(" "));
    const module = /^from\s+([\w.]+)\s+import|^import\s+([\w.]+)$/.exec(text);
    const spec = /["'](\.{1,2}\/[^"']+)["']/.exec(text)?.[1];
    const named = spec ? spec.replace(ending, "") : (module?.[1] ?? module?.[2])?.replaceAll(".", "/");
    if (named === undefined || !isOwn(named, stem)) continue;
    if (file.lines.some((line) => normalised(line) === text || (spec !== undefined && line.includes(spec)))) continue;
    refuse(l10n.t("The code is for another file: {0}.", text));
  }
}

const python = /^(?:async\s+)?(?:def\s+\w+\s*\(.*|class\s+\w+.*|if\s.*):\s*(?:#.*)?$/;
const braces = /^(?:export\s+|async\s+)*(?:(?:function|const|let|var)\b.*[{;(]|(?:func|fn)\s.*\{|[.#][\w-]+\s*\{)\s*$/;

/**
 * A model that answers in another language, or with the other file of a pair.
 * @throws Refusal where the block's first lines are such as the file's language does not have
 */
export function refuseOtherLanguage(file: Outline, block: Outline): void {
  const { family, kind } = file.language;
  const isOfPython = isPython(file.language);
  if (kind !== "code" || !(isOfPython || family === "brackets")) return;
  const form = isOfPython ? braces : python;
  if (file.lines.some((line) => form.test(line.trim()))) return;
  if (block.roots.some((part) => form.test(block.headerLine(part).trim())))
    refuse(l10n.t("The code is in another language than the file."));
}

/** `./store`, `../src/store`, or `shop` and `app/shop` in Python. */
function isOwn(named: string, stem: string): boolean {
  const parts = named.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
  const own = stem.split("/");
  const last = parts.at(-1);
  if (last === undefined || last === "index" || last !== own.at(-1)) return false;
  const count = Math.min(parts.length, own.length);
  return (
    parts.slice(-count).join("/") === own.slice(-count).join("/") && (parts.length <= own.length || own.length === 1)
  );
}
