import { normalised } from "./indentation.js";
import type { Language } from "./language.js";

/** What a line declares. */
export interface Declaration {
  /** As "Counter.add" for what is qualified in its own line. */
  name: string;
  /** `members` holds other declarations, `body` statements, `value` neither. */
  holds: "members" | "body" | "value";
}

const name = "[\\p{L}_$#@~][\\p{L}\\p{N}_$]*[?!=]?";
const word = "[\\p{L}_$][\\p{L}\\p{N}_$]*";
const pattern = (source: string) => new RegExp(source, "u");

const modifiers =
  "(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|sealed|open|override|virtual|async|readonly|inline|extern|unsafe|const|constexpr|partial|data|local|pub(?:\\([^)]*\\))?|fileprivate|mutating|suspend|operator|lazy|synchronized|native|transient|volatile|tailrec|explicit|friend|implicit|case|inner|annotation|expect|actual|required|convenience|unsigned|async\\*)\\s+)*";

const containers = pattern(
  `^${modifiers}(?:class|interface|struct|enum(?: class| struct)?|trait|module|namespace|object|companion object|record|protocol|extension|union|mod|defmodule|package object|actor)\\s+(${word}(?:[.:]+${word})*)`,
);
/** As `Module.Template = class extends Template {`. */
const classValue = pattern(`^(?:(?:export\\s+)?(?:const|let|var)\\s+)?(${word}(?:\\.${word})*)\\s*=\\s*class\\b`);
/** As `Reply.prototype.send = function (payload) {`. */
const memberFunction = pattern(
  `^(${word}(?:\\.${word})+)\\s*=\\s*(?:async\\s+)?(?:function\\b|\\([^()]*\\)\\s*=>|${word}\\s*=>)`,
);
const impl = /^(?:unsafe\s+)?impl(?:<[^{]*?>)?\s+(?:[\w:<>', ]+\s+for\s+)?[\w:<>', &]+/;
const functions = [
  pattern(`^${modifiers}function\\s*\\*?\\s*(${word}(?:[.:]${word})*)`),
  pattern(
    `^${modifiers}(?:fn|fun|func|def|defp|defmacro|sub|proc|macro|method)\\s+(?:<[^>]*>\\s*)?((?:self\\.)?(?:${word}\\.)?${name})`,
  ),
];
const receiver = /^func\s+\(\s*\w*\s*\*?\s*(\w+)[^)]*\)\s*(\w+)/;
const assigned = pattern(
  `^${modifiers}(?:let|var|val|const|my|local)\\s+(?:mut\\s+)?(${word})\\b\\s*(?::[^=]+)?=(?!=)`,
);
const typed = pattern(`^${modifiers}(?:type|typealias|newtype|using)\\s+(${word})\\b`);
const method = pattern(`^${modifiers}(?:(?:get|set|async|\\*)\\s+)?\\*?(${name})\\s*(?:<[^(]*>)?\\s*\\(`);
const property = pattern(
  `^${modifiers}(${name})\\s*(?::[^=]+)?=\\s*(?:async\\s*)?(?:\\([^)]*\\)?|${word})\\s*(?::[^=]+)?=>`,
);
/** A type, then a name, as in C, Java and their like; perhaps qualified. */
const cFunction = pattern(
  `^(?:[\\w:<>,&*\\[\\]~.?]+\\s+)*?[*&]*((?:${word}(?:<[^>]*>)?::)*~?(?:${word}|operator\\s*[^\\s(]+))\\s*\\(`,
);
const control =
  /^(?:\}\s*)?(?:if|else|elif|elsif|for|foreach|while|until|unless|switch|match|when|case|catch|try|finally|with|do|return|await|yield|throw|new|using|lock|synchronized|guard|defer|go|select|loop|assert|delete|print|not|and|or|super|this|self|in|of|typeof|sizeof|except|raise|begin|end|then|default|goto)\b/;
const suite =
  /^(?:(?:describe|context|suite|it|test|specify|beforeEach|afterEach|beforeAll|afterAll|before|after)(?:\.\w+)*)\s*\(\s*(.*)$/;
const routes = /^(\w+(?:\.\w+)*)\.(get|post|put|patch|delete|use|on|all)\s*\(\s*(["'`][^"'`]*["'`])/;

/** Without annotations before what they are for, as in `@Override public void close()`. */
export const withoutMarks = (line: string): string =>
  line.trim().replace(/^(?:@(?!interface\b)[\w.]+(?:\([^()]*\))?\s+)+(?=\w)/, "");

/**
 * What a line declares.
 * @param opensBlock whether lines that belong to it follow
 */
export function declarationOf(line: string, language: Language, opensBlock: boolean): Declaration | undefined {
  const text = withoutMarks(line);
  if (language.kind === "keys") return keyOf(text, opensBlock);
  if (language.kind === "styles") return styleOf(text, opensBlock);
  if (language.kind === "prose") return undefined;
  if (language.statementEnd !== undefined) return definitionOf(text);
  return typeOrFunction(text, opensBlock) ?? value(text);
}

function typeOrFunction(text: string, opensBlock: boolean): Declaration | undefined {
  const container = containers.exec(text)?.[1];
  if (container !== undefined) return { name: container, holds: "members" };
  const assignedClass = classValue.exec(text)?.[1];
  if (assignedClass !== undefined) return { name: assignedClass, holds: "members" };
  const implementation = impl.exec(text)?.[0];
  if (implementation !== undefined) return { name: normalised(implementation), holds: "members" };
  const struct = /^type\s+(\w+)(?:\[[^\]]*\])?\s+(?:struct|interface)\b/.exec(text)?.[1];
  if (struct !== undefined) return { name: struct, holds: "value" };
  if (/^export\s+default\s+(?:async\s+)?(?:function\s*\*?\s*\(|\(|class\s*\{)/.test(text))
    return { name: "default", holds: "body" };
  const received = receiver.exec(text);
  if (received) return { name: `${received[1]}.${received[2]}`, holds: "body" };
  for (const form of functions) {
    const found = form.exec(text)?.[1];
    if (found !== undefined) return { name: found.replace(/^self\./, ""), holds: "body" };
  }
  const inSuite = suite.exec(text);
  if (inSuite && opensBlock) {
    const title = /^(["'`])(.*?)\1/.exec(inSuite[1] ?? "")?.[0] ?? "";
    const word = text.slice(0, text.indexOf("("));
    return { name: `${word}(${title})`, holds: /^(?:describe|context|suite)/.test(word) ? "members" : "body" };
  }
  const route = routes.exec(text);
  if (route && opensBlock) return { name: route.slice(1).join(" "), holds: "body" };
  return undefined;
}

function value(text: string): Declaration | undefined {
  const variable = assigned.exec(text)?.[1] ?? property.exec(text)?.[1];
  if (variable !== undefined) return { name: variable, holds: "value" };
  const type = typed.exec(text)?.[1];
  if (type !== undefined) return { name: type, holds: "value" };
  const exported = /^((?:module\.)?exports(?:\.\w+)*)\s*=/.exec(text)?.[1];
  if (exported !== undefined) return { name: exported.replace(/^module\.(?=exports\.)/, ""), holds: "value" };
  const member = memberFunction.exec(text)?.[1];
  if (member !== undefined) return { name: member, holds: "body" };
  const macro = /^#\s*define\s+(\w+)/.exec(text)?.[1];
  if (macro !== undefined) return { name: macro, holds: "value" };
  return undefined;
}

/** Of SQL. */
function definitionOf(text: string): Declaration | undefined {
  const form =
    /^create\s+(?:or\s+replace\s+)?(?:(?:temp|temporary|unique|materialized|recursive)\s+)*(table|view|index|function|procedure|trigger|type|schema|sequence|role|database|extension)\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?([\w."`[\]]+)/i.exec(
      text,
    );
  return form ? { name: `${form[1]} ${form[2]}`.toLowerCase().replaceAll(/["`[\]]/g, ""), holds: "body" } : undefined;
}

/** A method of a class, or a function of C: only its block tells it from a call. */
export function methodOf(line: string): Declaration | undefined {
  const text = withoutMarks(line);
  if (control.test(text) || /^[\w.$]+\s*=[^=>]/.test(text)) return undefined;
  const found = method.exec(text)?.[1] ?? cFunction.exec(text)?.[1];
  return found === undefined ? undefined : { name: found.replaceAll(/\s+/g, ""), holds: "body" };
}

/** What an assignment without a keyword gives a value to, as "MAX_SIZE" or "self.size". */
export function assignedTo(line: string): string | undefined {
  const several = /^\s*(?:(?:const|let|var)\s+([[{][^=]*[\]}])|([\w.]+(?:\s*,\s*[\w.]+)+))\s*=(?![=>])/.exec(line);
  if (several) return normalised(several[1] ?? several[2] ?? "");
  const field = fieldOf(line.trim());
  if (field !== undefined) return field;
  return /^\s*((?:self|this|@)?[.@]?[\w$]+(?:\.[\w$]+)*(?:\[[^\]]+\])?)\s*(?::[^=]+?)?\s*(?::=|=(?![=>]))/.exec(
    line,
  )?.[1];
}

/** A variable with its type, with or without a value: `private long balance;`, `tags: string[];`. */
function fieldOf(text: string): string | undefined {
  if (
    /^(?:return|throw|new|delete|goto|import|export|package|using|use|typedef|case|default|else|await|yield|raise|break|continue|assert|type)\b/.test(
      text,
    )
  )
    return undefined;
  return (
    /^(?:@\w+\s+)*(?:[\w.]+(?:<[\w\s,.?<>[\]&*]*>)?(?:\[\])*[*&]*\s+)+[*&]*([A-Za-z_]\w*)(?:\[[^\]]*\])?\s*(?:=[^=>].*)?;/.exec(
      text,
    )?.[1] ??
    /^(?:(?:public|private|protected|readonly|static|declare|override)\s+)*([\w$#]+)[?!]?\s*:\s*[^=;{}()]+(?:=[^=>].*)?;$/.exec(
      text,
    )?.[1]
  );
}

/** What names an entry of a map or a case of a switch: another name is another entry, and no new version of it. */
export function labelOf(line: string, opensBlock: boolean): string | undefined {
  const text = line.trim();
  const alternative = /^(?:case|when)\b.*?(?=:|=>|->|\bthen\b|$)/.exec(text)?.[0] ?? /^default(?=\s*:)/.exec(text)?.[0];
  if (alternative !== undefined) return normalised(alternative);
  const key = /^("[^"]*"|'[^']*'|[\w$-]+|\[[^\]]+\])\s*(?::(?!:)|=>)/.exec(text)?.[1];
  return key !== undefined && (/,$/.test(text) || opensBlock) ? key.replaceAll(/^["']|["']$/g, "") : undefined;
}

function keyOf(text: string, opensBlock: boolean): Declaration | undefined {
  const section = /^\[+([^\]]+)\]+$/.exec(text)?.[1];
  if (section !== undefined) return { name: `[${section}]`, holds: "members" };
  const key = /^("(?:[^"\\]|\\.)*"|'[^']*'|[\w.$/-]+)\s*[:=]/.exec(text)?.[1];
  return key === undefined
    ? undefined
    : { name: key.replaceAll(/^["']|["']$/g, ""), holds: opensBlock ? "members" : "value" };
}

function styleOf(text: string, opensBlock: boolean): Declaration | undefined {
  if (opensBlock) {
    const holds = /^@(?:media|supports|layer|container|scope)/.test(text) ? "members" : "value";
    return { name: normalised(text.replace(/\{.*$/, "")), holds };
  }
  const variable = /^(--[\w-]+|[$@][\w-]+)\s*:/.exec(text)?.[1];
  return variable === undefined ? undefined : { name: variable, holds: "value" };
}

const importForms =
  /^(?:import\b|from\s+[\w.]+\s+import\b|#\s*include\b|#import\b|using\s+(?!\()[\w.= ]+;|use\s+[\w:{\\]|pub\s+use\b|require(?:_relative)?[\s(]|(?:const|let|var)\s+[\w{},\s:]+=\s*require\(|export\s+(?:\*|\{[^}]*\})\s+from\b|extern\s+crate\b|@import\b|library\(|load\()/;

/** Whether a statement brings names in from elsewhere. */
export const isImport = (line: string): boolean =>
  importForms.test(line.trim()) && !/^import\.meta|^import\s*\(\s*["'`]/.test(line.trim());
