import type { Language } from "./language.js";

/** What brackets, texts and comments say about each line. */
export interface Scan {
  /** How many brackets are open where the line begins. */
  depth: readonly number[];
  /** The line begins inside a text or a comment of several lines. */
  inside: readonly boolean[];
  /** How many brackets that were open before the line closes at its beginning. */
  closers: readonly number[];
  /** Nothing but comments. */
  comment: readonly boolean[];
  /** How many are open at the end; below 0 when more are closed than opened. */
  balance: number;
}

interface State {
  depth: number;
  /** What ends the text or the comment. */
  until: string | undefined;
  isComment: boolean;
  /** How deep the template texts are in which code stands between "${" and "}", the innermost last. */
  templates: number[];
}

/** The file is looked at several times for one block. */
const scans = new WeakMap<readonly string[], { language: Language; scan: Scan }>();

/** @param lines must not change afterwards: what was found is kept */
export function scan(lines: readonly string[], language: Language): Scan {
  const known = scans.get(lines);
  if (known?.language === language) return known.scan;
  const found = scanned(lines, language);
  scans.set(lines, { language, scan: found });
  return found;
}

function scanned(lines: readonly string[], language: Language): Scan {
  const depth: number[] = [];
  const inside: boolean[] = [];
  const closers: number[] = [];
  const comment: boolean[] = [];
  const state: State = { depth: 0, until: undefined, isComment: false, templates: [] };
  for (const line of lines) {
    depth.push(state.depth);
    inside.push(state.until !== undefined);
    const began = state.until !== undefined && state.isComment;
    const { leading, code } = scanLine(line, language, state);
    closers.push(leading);
    comment.push(!code && (began || line.trim() !== "") && (began || state.isComment || isCommentLine(line, language)));
  }
  return { depth, inside, closers, comment, balance: state.until === undefined ? state.depth : Number.NaN };
}

function isCommentLine(line: string, { lineComments, blockComments }: Language): boolean {
  const trimmed = line.trimStart();
  return [...lineComments, ...blockComments.map(([open]) => open)].some((mark) => trimmed.startsWith(mark));
}

function scanLine(line: string, language: Language, state: State): { leading: number; code: boolean } {
  let leading = 0;
  let code = false;
  let index = 0;
  while (index < line.length) {
    if (state.until !== undefined) {
      if (!state.isComment) code = true;
      const insertion = state.until === "`" && language.patterns ? insertionAt(line, index) : undefined;
      if (insertion !== undefined) {
        state.templates.push(state.depth);
        state.depth += 1;
        state.until = undefined;
        index = insertion;
        continue;
      }
      const end = endOf(line, index, state.until, state.isComment);
      if (end === undefined) break;
      index = end;
      state.until = undefined;
      state.isComment = false;
      continue;
    }
    const character = line[index] ?? "";
    const rest = () => line.slice(index, index + 4);
    const opens = language.blockComments.find(([open]) => rest().startsWith(open));
    if (opens) {
      state.until = opens[1];
      state.isComment = true;
      index += opens[0].length;
    } else if (language.lineComments.some((mark) => rest().startsWith(mark) && startsComment(line, index, mark))) {
      break;
    } else {
      const pattern = language.patterns && character === "/" ? patternAt(line, index) : undefined;
      const quote = language.quotes.find((mark) => rest().startsWith(mark));
      if (pattern !== undefined) {
        code = true;
        index = pattern;
      } else if (quote !== undefined) {
        code = true;
        index = skipText(line, index, quote, language, state);
      } else {
        if ("([{".includes(character)) state.depth += 1;
        if (")]}".includes(character)) {
          state.depth -= 1;
          if (!code || leading > 0) if (/^[\s)\]}]*$/.test(line.slice(0, index))) leading += 1;
          if (character === "}" && state.templates.at(-1) === state.depth) {
            state.templates.pop();
            state.until = "`";
          }
        }
        if (character.trim() !== "") code = true;
        index += 1;
      }
    }
  }
  return { leading, code };
}

/** Behind the regular expression that begins there: where no value stands before it, a slash divides nothing. */
function patternAt(line: string, index: number): number | undefined {
  const before = line.slice(0, index).trimEnd();
  if (
    before !== "" &&
    !/(?:[([{,;:=!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield))$/.test(before)
  )
    return undefined;
  const literal = /^\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/[a-z]*/.exec(line.slice(index))?.[0];
  return literal === undefined ? undefined : index + literal.length;
}

/** In a shell, "#" inside a word begins no comment; nor does "//" in an address. */
function startsComment(line: string, index: number, mark: string): boolean {
  const before = line[index - 1];
  if (mark === "#") return before === undefined || /\s|[;)}\]]/.test(before);
  return mark !== "//" || before !== ":";
}

/** Behind the "${" with which code begins inside a template text, if it comes before the text ends. */
function insertionAt(line: string, from: number): number | undefined {
  for (let index = from; index < line.length; index++) {
    if (line[index] === "\\") index += 1;
    else if (line[index] === "`") return undefined;
    else if (line.startsWith("${", index)) return index + 2;
  }
  return undefined;
}

function skipText(line: string, index: number, quote: string, language: Language, state: State): number {
  if (quote === "'" && language.lifetimes)
    return index + (/^'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'])'/.exec(line.slice(index))?.[0].length ?? 1);
  // An apostrophe: not every quote begins a text.
  if (quote === "'" && /^'\w+(?!['\w])/.test(line.slice(index)) && !line.slice(index + 1).includes("'"))
    return index + 1;
  // What is inside may be code, with texts of its own.
  if (quote === "`" && language.patterns) {
    state.until = quote;
    return index + 1;
  }
  const end = endOf(line, index + quote.length, quote, false);
  if (end !== undefined) return end;
  if (language.longQuotes.includes(quote)) state.until = quote;
  return line.length;
}

function endOf(line: string, from: number, until: string, isComment: boolean): number | undefined {
  for (let index = from; index < line.length; index++) {
    if (!isComment && line[index] === "\\") index += 1;
    else if (line.startsWith(until, index)) return index + until.length;
  }
  return undefined;
}
