/** Questions that are asked often: what a slash command stands for. */
import * as l10n from "@vscode/l10n";

/** What a command is about, where nothing else is attached. */
type About = "code" | "problems" | "staged";

export interface PromptTemplate {
  /** Without the slash: letters, digits, `-` and `_`. */
  name: string;
  /** For a person, in a few words. */
  description: string;
  /** What the model is asked. */
  text: string;
  about: readonly About[];
}

const validName = /^[\p{L}\p{N}_-]{1,40}$/u;
/** In characters: longer ones are no questions. */
const longestText = 20_000;

/**
 * Always there, unless one of the person's own has the same name. The answers are for the person, and so in their language;
 * what is written into files and repositories is asked for in English, as most code is.
 */
export const builtInTemplates = {
  explain: {
    name: "explain",
    description: l10n.t("Explain the code"),
    text: l10n.t("Explain this code: first what it is for, then how it works, then what could surprise its reader."),
    about: ["code"],
  },
  fix: {
    name: "fix",
    description: l10n.t("Fix the problems"),
    text: l10n.t(
      "Find out what is wrong here and fix it. Say in one sentence what was wrong, then show the corrected code.",
    ),
    about: ["code", "problems"],
  },
  tests: {
    name: "tests",
    description: l10n.t("Write tests"),
    text: l10n.t(
      "Write unit tests for this code, with the test framework that the project uses. Cover ordinary cases, limits and errors.",
    ),
    about: ["code"],
  },
  docs: {
    name: "docs",
    description: l10n.t("Write documentation comments"),
    text: "Write documentation comments for this code in the usual form of its language. Change nothing else.",
    about: ["code"],
  },
  refactor: {
    name: "refactor",
    description: l10n.t("Make the code simpler"),
    text: l10n.t(
      "Make this code simpler and easier to read without changing what it does. Say in a sentence what you changed, then show the code.",
    ),
    about: ["code"],
  },
  commit: {
    name: "commit",
    description: l10n.t("Write a commit message for what is staged, or else for all changes"),
    text: "Write a git commit message for these changes. First line: what the commit does, in the imperative, at most 60 characters. If more is worth saying, add an empty line and a short paragraph on why. Answer with the message alone.",
    about: ["staged"],
  },
} satisfies Record<string, PromptTemplate>;

/** The built-in ones and the person's own by name; the later one of a name counts. */
export function mergeTemplates(...own: readonly (readonly PromptTemplate[])[]): PromptTemplate[] {
  const byName = new Map<string, PromptTemplate>();
  for (const template of [...Object.values(builtInTemplates), ...own.flat()]) byName.set(template.name, template);
  return [...byName.values()];
}

/** In the same order, but the person's own before the built-in ones, which other menus have. */
export function ownFirst(templates: readonly PromptTemplate[]): PromptTemplate[] {
  const builtIn = new Set<PromptTemplate>(Object.values(builtInTemplates));
  return [...templates.filter((each) => !builtIn.has(each)), ...templates.filter((each) => builtIn.has(each))];
}

/** The templates of the setting `flint.prompts`, which people write: what is none is left out. */
export function templatesOfSetting(setting: unknown): PromptTemplate[] {
  if (typeof setting !== "object" || setting === null) return [];
  return Object.entries(setting).flatMap(([name, text]) => {
    const template = typeof text === "string" ? toTemplate(name, text) : undefined;
    return template ? [template] : [];
  });
}

/**
 * The template of a file of `.flint/prompts`: its name without `.md` is the command. It may begin with a front matter
 * that has a `description`.
 * @returns undefined where it is empty, too long, or its name can't be a command
 */
export function templateOfFile(fileName: string, content: string): PromptTemplate | undefined {
  const front = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---\r?\n?/.exec(content);
  const description = /^description:\s*(.*?)\s*$/m.exec(front?.[1] ?? "")?.[1]?.replace(/^(["'])(.*)\1$/, "$2");
  return toTemplate(fileName.replace(/\.md$/i, ""), content.slice(front?.[0].length ?? 0), description);
}

function toTemplate(name: string, content: string, description?: string): PromptTemplate | undefined {
  const text = content.trim();
  if (!validName.test(name) || text === "" || text.length > longestText) return undefined;
  const [firstLine = ""] = text.split("\n");
  return { name, description: description || firstLine.slice(0, 80), text, about: ["code"] };
}
