/** What stands for code that the model left out. */
export type Elision = "certain" | "likely";

const dots = /\.{3,}|…/;
/** Comment leaders and ends of all languages, brackets, and the quotes of a docstring. */
const wrapping =
  /^(?:\{\s*\/\*+|\/\*+|\/{2,}!?|#+|--+|;+|%+|<!--+|\(\*|\{-|"""|'''|'|rem\b|\*)?\s*(.*?)\s*(?:\*+\/\s*\}?|--+>|\*\)|-\}|"""|''')?$/i;

const left =
  "(?:existing|previous|original|remaining|unchanged|other|rest|same|omitted|elided|skipped|unmodified|untouched|current|above|below|before|keep|kept|unaltered|hidden|snipped|truncated|abbreviated|brevity|everything else|no changes?)";
const things =
  "(?:code|implementations?|methods?|functions?|imports?|logic|content|contents|file|class(?:es)?|body|fields?|props|properties|tests?|members?|statements?|lines?|stuff|definitions?|handlers?|routes?|rules?|styles?|keys?|entries|cases|options|settings|services|config(?:uration)?|variables?|constants?|setup|script|module|component|types?|section|part|parts|elements?|program|constructor|initialization|work|steps|page|document|markup|template|tables?|columns?|sections?|selectors?|jobs?|elements?)";
/** Without dots: words that hardly say anything else. */
const phrases = [
  new RegExp(
    `^(?:the )?(?:your )?(?:existing|previous|original|remaining|unchanged|unmodified) (?:\\w+ )?${things}\\b(?! (?:is|are|of|to|for|from) (?!unchanged|the same|omitted))`,
    "i",
  ),
  new RegExp(`^(?:the )?rest of (?:the |your |this |my )?(?:\\w+ )?${things}\\b`, "i"),
  /^(?:the )?rest (?:of it )?(?:is |are |remains? |stays? )?(?:the same|unchanged|as (?:before|is))/i,
  /^(?:remains?|stays?|same|unchanged|no changes?(?: (?:here|needed|below|above|required))?|as before|unmodified)(?: (?:as )?(?:before|above|below|unchanged|the same|here))?[.!]?$/i,
  /\b(?:omitted|elided|snipped|truncated|left out|abbreviated|skipped) (?:for (?:brevity|clarity)|here)\b/i,
  new RegExp(`^${things} (?:remains?|stays?|is|are)? ?(?:the same|unchanged|as (?:before|is)|omitted)\\b`, "i"),
  /^(?:keep|leave|insert|add|put|include|copy|paste) (?:all |the |your |any )*(?:rest|existing|original|remaining|other|previous)\b/i,
  new RegExp(
    `^(?:all |the |your |any )*other ${things}(?: here| remain.*| stay.*| unchanged.*| go(?:es)? here.*| as before.*| are (?:the same|unchanged).*)?[.)]?$`,
    "i",
  ),
  /^(?:<\s*)?(?:snip|snipped)(?:\s*>)?$/i,
  /^[[(<{]\s*(?:existing|previous|original|remaining|unchanged|rest|other|same)\b.*[\])>}]$/i,
];
const leftOut = new RegExp(`\\b${left}\\b`, "i");

/** Whether a line stands for code that was left out. `known` says whether the file has that very line. */
export function elisionOf(line: string, known: (line: string) => boolean): Elision | undefined {
  const trimmed = line.trim();
  if (trimmed === "" || trimmed.length > 200) return undefined;
  const isComment =
    /^(?:\{\s*\/\*|\/\*|\/\/|#(?!include|define|if|endif|else|pragma|!|\[)|--|;|%|<!--|\(\*|\{-|"""|'''|'\s|rem\b|\*\s)/i.test(
      trimmed,
    );
  const wrapped = (isComment ? (wrapping.exec(trimmed)?.[1] ?? trimmed) : trimmed).trim();
  const words = isComment ? wrapped.replace(/^[-=~*_\s]+(?=\w)/, "").replace(/(?<=\w)[-=~*_\s]+$/, "") : wrapped;
  if (known(line)) return undefined;
  const hasDots = dots.test(words);
  const bare = words.replaceAll(/[.…\s[\]()<>{}*/#-]/g, "");
  if (isComment) {
    if (hasDots && bare === "") return "certain";
    if (/^[[(<{]?\s*(?:\.{2,}|…)/.test(words)) return "certain";
    if (/(?:\.{3,}|…)\s*[\])>}]?$/.test(words) && leftOut.test(words)) return "certain";
    return phrases.some((phrase) => phrase.test(words)) ? "likely" : undefined;
  }
  if (/^[[(<{]?\s*(?:\.{3,}|…)\s*[\])>}]?$/.test(trimmed) && !/^\(\.\.\.\)$/.test(trimmed)) return "certain";
  // Words between dots, without a comment's leader: no language has that.
  if (/^[[(<{]?(?:\.{3,}|…)\s*[a-z][\w ,'-]*(?:\.{3,}|…)?[\])>}]?$/i.test(trimmed) && leftOut.test(trimmed))
    return "certain";
  if (
    /^[[(<{]\s*(?:existing|previous|original|remaining|unchanged|rest of|other)\b[\w ,'-]*(?:\.{3}|…)?[\])>}]$/i.test(
      trimmed,
    )
  )
    return "certain";
  return undefined;
}

/** Whether a comment, where code is gone, could stand for it: weaker than what is taken to. */
export function mayStandForCode(line: string): boolean {
  const words = wrapping.exec(line.trim())?.[1] ?? line;
  return (
    !/\p{L}/u.test(words) ||
    dots.test(words) ||
    leftOut.test(words) ||
    /\bsnip|\betc\b|\byour (?:\w+ )?(?:code|logic)|\bgoes here\b|\bimplement/i.test(words)
  );
}

/** Code whose body was left out on the same line, as `run() { ... }` or `def run(self): ...`. */
export function elidedBody(line: string): string | undefined {
  const braces =
    /^(.*\S)\s*\{\s*(?:\/\*\s*)?(?:\/\/\s*)?((?:\.{3}|…)(?:[^})\]]*)?|(?:existing|same|unchanged|original|previous)\b[^}]*|[^}{]*(?:\.{3}|…))\s*(?:\*\/\s*)?\}[;,]?\s*$/i.exec(
      line,
    );
  if (braces?.[1] !== undefined && !/^\s*(?:\.{3}|…)[\w$(["'`]/.test(braces[2] ?? "")) return braces[1];
  const python = /^(\s*(?:async\s+)?(?:def|class)\b.*:)\s*(?:\.{3}|…)\s*(?:#.*)?$/.exec(line);
  return python?.[1];
}
