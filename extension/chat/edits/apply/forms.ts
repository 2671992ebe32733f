import { oncePer } from "./oncePer.js";
import type { Outline, Part } from "./parts.js";

/** What kind of piece a declaration is: that says where in a file it can be. */
export type Form =
  /** By its keyword, it is no method. */
  | "function"
  /** Only inside of a class, or wherever others without a keyword are, as in C. */
  | "member"
  /** The language writes functions and methods alike. */
  | "ambiguous"
  /** A method that names its type: of Go, or qualified as in C++. */
  | "received"
  | "class"
  | "type"
  | "namespace"
  | "constant"
  /** Of tests: `describe` and `it`. */
  | "suite"
  | "case"
  | "other";

const modifiers =
  "(?:(?:export|default|declare|public|private|protected|internal|static|final|abstract|sealed|open|partial|data|inner|readonly|unsafe|companion|case|pub(?:\\([^)]*\\))?)\\s+)*";
const words = (list: string) => new RegExp(`^${modifiers}(?:${list})\\b`);
const namespaces = words("namespace|package object");
const classes = words("class|object|trait|record|extension|impl|actor|mod\\s+tests|defmodule");
const types = words("interface|struct|enum|union|type|typealias|protocol|module|mod|typedef");
const access =
  /^(?:public|private|protected|internal|override|virtual|abstract|get|set|readonly)\s+(?!class\b|interface\b|enum\b|struct\b|record\b|static\s+class\b)/;
const self = /\(\s*(?:&?\s*(?:'\w+\s+)?(?:mut\s+)?self|cls)\b|\bSelf\b/;

const found = oncePer((part: Part, outline: Outline) => findForm(outline, part));

export const formOf = (outline: Outline, part: Part): Form => found(part, outline);

function findForm(outline: Outline, part: Part): Form {
  const { declaration } = part;
  if (!declaration) return "other";
  const line = outline.headerLine(part).trim();
  if (/^(?:describe|context|suite)\b/.test(line) && /\($|\(\s*["'`]/.test(line)) return "suite";
  if (/^(?:it|test|specify)(?:\.\w+)*\s*\(/.test(line)) return "case";
  if (qualifierOf(outline, part) !== undefined) return "received";
  if (namespaces.test(line)) return "namespace";
  if (classes.test(line)) return "class";
  if (types.test(line)) return "type";
  if (declaration.holds === "value") return isFunctionValue(outline, part) ? "function" : "constant";
  if (access.test(line) || self.test(line)) return "member";
  if (/\bfunction\b/.test(line))
    return outline.language.lineComments.includes("#") && outline.language.blockComments.length > 0
      ? "ambiguous"
      : "function";
  if (/\bfn\b|\bfunc\b(?=\s+\w+(?:\[[^\]]*\])?\()|^(?:async\s+)?def\b.*:\s*(?:#.*)?$/.test(line)) return "function";
  if (/\b(?:def|fun|func|sub|proc|macro|method)\b/.test(line)) return "ambiguous";
  return "member";
}

/** A name with a value that is a function. */
function isFunctionValue(outline: Outline, part: Part): boolean {
  const text = outline.lines.slice(part.header, Math.min(part.end, part.header + 8)).join(" ");
  return /=\s*(?:async\s+)?(?:function\b|\([^=]*\)\s*(?::[^=]+)?=>|[\w$]+\s*=>)/.test(text);
}

/** What a name is part of: `exports` of `exports.trim`, `Store` of a method in Go, `Cart` of `Cart::add`, `app` of a route. */
export function qualifierOf(outline: Outline, part: Part): string | undefined {
  const name = part.declaration?.name;
  if (name === undefined) return undefined;
  const line = outline.headerLine(part).trim();
  if (/^(?:class|struct|interface|enum|namespace|module|impl|describe|it|test)\b/.test(line)) return undefined;
  return (
    /^(\w+(?:\.\w+)*) (?:get|post|put|patch|delete|use|on|all) /.exec(name)?.[1] ??
    /^(.+?)(?:\.|::)[^.:]+$/.exec(name)?.[1]
  );
}

/** Whether it tests other code. */
export function isTest(outline: Outline, part: Part): boolean {
  const form = formOf(outline, part);
  if (form === "suite" || form === "case") return true;
  const lead = outline.lines.slice(part.start, part.header).join("\n");
  if (/^\s*(?:#\[(?:\w+::)*test\b|@(?:Parameterized)?Test\b|\[(?:Fact|Theory|Test|TestMethod)\b)/m.test(lead))
    return true;
  return /^\s*(?:async\s+)?def\s+test_|^func\s+Test[A-Z]\w*\(|^\s*class\s+Test[A-Z]|^mod\s+tests\b/.test(
    outline.headerLine(part),
  );
}
