import * as l10n from "@vscode/l10n";
import { isPython, type Language } from "./language.js";
import { Outline } from "./parts.js";
import { refuse } from "./refusal.js";

/**
 * A name that a file declares twice at its own level, and did not before: lines of two versions of it are mixed.
 * @throws Refusal where there is one, in languages in which that is a mistake
 */
export function refuseDoubledNames(before: readonly string[], after: readonly string[], language: Language): void {
  if (!forbidsTwice(language)) return;
  const known = counts(before, language);
  for (const [name, count] of counts(after, language))
    if (count > Math.max(1, known.get(name) ?? 0)) refuse(l10n.t("The file would have {0} twice.", name));
}

/** JavaScript, TypeScript and Python: no overloads but by lines that have no body. */
const forbidsTwice = (language: Language) =>
  language.kind === "code" && (language.longQuotes.includes("`") || isPython(language));

function counts(lines: readonly string[], language: Language): Map<string, number> {
  const all = new Map<string, number>();
  for (const part of new Outline(lines, language, () => true).roots) {
    if (part.kind === "comment") continue;
    const text = lines.slice(part.header, part.end).join(" ").trim();
    const marked = lines.slice(part.start, part.header).some((line) => /^@|^if\b/.test(line.trim()));
    for (const name of marked ? [] : namesOf(text)) all.set(name, (all.get(name) ?? 0) + 1);
  }
  return all;
}

const word = "([A-Za-z_$][\\w$]*)";

/** What a statement declares for all that follows: of an import or a pattern, perhaps several names. */
function namesOf(text: string): string[] {
  const single = new RegExp(
    `^(?:export\\s+)?(?:default\\s+)?(?:(?:const|let|class)\\s+${word}\\s*[={]|(?:async\\s+)?function\\s*\\*?\\s*${word}[^;]*\\{|class\\s+${word}|(?:async\\s+)?def\\s+${word})`,
  ).exec(text);
  const name = single?.slice(1).find((each) => each !== undefined);
  if (name !== undefined) return [name];
  const pattern = /^(?:const|let|import(?:\s+type)?)\s*(?:\w+\s*,\s*)?\{([^{}]*)\}\s*(?:=|from\b)/.exec(text)?.[1];
  if (pattern === undefined) return [];
  return pattern
    .split(",")
    .flatMap((each) => /(?:.*(?::|\bas\s)\s*)?([\w$]+)\s*(?:=.*)?$/.exec(each.trim())?.[1] ?? []);
}
