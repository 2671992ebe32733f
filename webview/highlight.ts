import type { HLJSApi, LanguageFn } from "highlight.js";
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cmake from "highlight.js/lib/languages/cmake";
import cpp from "highlight.js/lib/languages/cpp";
import csharp from "highlight.js/lib/languages/csharp";
import css from "highlight.js/lib/languages/css";
import dart from "highlight.js/lib/languages/dart";
import diff from "highlight.js/lib/languages/diff";
import dockerfile from "highlight.js/lib/languages/dockerfile";
import go from "highlight.js/lib/languages/go";
import haskell from "highlight.js/lib/languages/haskell";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import kotlin from "highlight.js/lib/languages/kotlin";
import lua from "highlight.js/lib/languages/lua";
import makefile from "highlight.js/lib/languages/makefile";
import markdown from "highlight.js/lib/languages/markdown";
import php from "highlight.js/lib/languages/php";
import powershell from "highlight.js/lib/languages/powershell";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import scala from "highlight.js/lib/languages/scala";
import scss from "highlight.js/lib/languages/scss";
import shell from "highlight.js/lib/languages/shell";
import sql from "highlight.js/lib/languages/sql";
import swift from "highlight.js/lib/languages/swift";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

/**
 * These grammars look for a declaration of a function at each letter, and over any number of words: seconds for 20,000 letters. With
 * this they look where a word begins, and over a dozen words.
 */
function withBounds(language: LanguageFn): LanguageFn {
  return (api: HLJSApi) => {
    const grammar = language(api);
    for (const mode of grammar.contains) {
      const { begin } = mode;
      if (typeof begin !== "string" || !begin.startsWith("(")) continue;
      mode.begin = `\\b${begin
        .replaceAll("\\s+)+", "\\s+){1,12}")
        .replaceAll("[^=]+", "[^=]{1,200}")
        .replaceAll("[^<>]+", "[^<>]{1,200}")}`;
    }
    return grammar;
  };
}

const languages = {
  bash,
  c: withBounds(c),
  cmake,
  cpp: withBounds(cpp),
  csharp: withBounds(csharp),
  css,
  dart,
  diff,
  dockerfile,
  go,
  haskell,
  ini,
  java,
  javascript,
  json,
  kotlin,
  lua,
  makefile,
  markdown,
  php,
  powershell,
  python,
  r,
  ruby,
  rust,
  scala,
  scss,
  shell,
  sql,
  swift,
  typescript,
  xml,
  yaml,
};
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);
hljs.registerAliases(["vue", "svelte"], { languageName: "xml" });
hljs.registerAliases("jsonc", { languageName: "json" });

/** Longer code, in characters, or with longer lines, has no colours: some of the expressions take quadratic time. */
const longestCode = 12_000;
const longestLine = 1_000;

/** Code that is mostly of very short lines or words has none either: to find and to draw them takes the longest. */
const mostLines = 800;
const mostBoundaries = 7000;

/** More coloured words, or such words inside of one another, are not drawn at once. */
const mostWords = 3000;
const deepest = 40;

/** `code` as HTML with the classes of highlight.js; undefined when the language is not known, or the code too long. */
export function highlight(code: string, language: string): string | undefined {
  if (!hljs.getLanguage(language) || code.length > longestCode) return undefined;
  if (new RegExp(`[^\\n]{${longestLine}}`).test(code)) return undefined;
  if (count(code, /\n/g) > mostLines || count(code, /\b/g) > mostBoundaries) return undefined;
  const html = hljs.highlight(code, { language, ignoreIllegals: true }).value;
  return isHeavy(html) ? undefined : html;
}

const count = (text: string, what: RegExp) => text.match(what)?.length ?? 0;

function isHeavy(html: string): boolean {
  let words = 0;
  let depth = 0;
  for (const [tag] of html.matchAll(/<\/?span/g)) {
    if (tag === "<span") words += 1;
    depth += tag === "<span" ? 1 : -1;
    if (words > mostWords || depth > deepest) return true;
  }
  return false;
}
