/** What has to be known of a language to find where its parts begin and end. */
export interface Language {
  /** What shows where a part ends: brackets, or indentation alone. */
  family: "brackets" | "indentation";
  /** Comments to the end of the line. */
  lineComments: readonly string[];
  /** Comments from one mark to another. */
  blockComments: readonly (readonly [string, string])[];
  /** Marks around text, longest first. */
  quotes: readonly string[];
  /** Text in these goes over several lines. */
  longQuotes: readonly string[];
  /** Whether a quote also begins a lifetime, as in Rust. */
  lifetimes?: true;
  /** Whether it has regular expressions between slashes. */
  patterns?: true;
  kind: "code" | "keys" | "styles" | "prose";
  /** What the last line of each statement ends with, where lines say nothing about that. */
  statementEnd?: ";";
}

const slashes = { lineComments: ["//"], blockComments: [["/*", "*/"]] } as const;
const braces = { ...slashes, family: "brackets", quotes: ['"', "'"], longQuotes: [], kind: "code" } as const;
const script = { ...braces, quotes: ['"', "'", "`"], longQuotes: ["`"], patterns: true } as const;
const hashes = { lineComments: ["#"], blockComments: [], longQuotes: [], quotes: ['"', "'"] } as const;
const keys = { ...hashes, family: "indentation", kind: "keys" } as const;
const ends = { ...hashes, family: "indentation", kind: "code" } as const;
const markup = {
  family: "indentation",
  lineComments: [],
  blockComments: [["<!--", "-->"]],
  quotes: [],
  longQuotes: [],
  kind: "prose",
} as const;
const plain = { ...markup, blockComments: [] } as const;

const byExtension: Readonly<Record<string, Language>> = {
  ...each("js jsx mjs cjs ts tsx mts cts", script),
  ...each("c h cc cpp cxx hpp hh m mm java cs proto zig gradle groovy d", braces),
  ...each("rs", { ...braces, lifetimes: true }),
  ...each("go", { ...braces, quotes: ['"', "'", "`"], longQuotes: ["`"] }),
  ...each("kt kts swift scala dart", { ...braces, quotes: ['"""', '"', "'"], longQuotes: ['"""'] }),
  ...each("php", { ...braces, lineComments: ["//", "#"] }),
  ...each("css scss less", { ...braces, kind: "styles" }),
  ...each("json jsonc json5", { ...braces, kind: "keys" }),
  ...each("py pyi", {
    ...hashes,
    family: "indentation",
    quotes: ['"""', "'''", '"', "'"],
    longQuotes: ['"""', "'''"],
    kind: "code",
  }),
  ...each("rb ex exs jl cr r pl pm tcl nim coffee", ends),
  ...each("sh bash zsh ps1", { ...hashes, family: "brackets", kind: "code" }),
  ...each("lua", { ...ends, lineComments: ["--"], blockComments: [["--[[", "]]"]] }),
  ...each("hs elm ada", { ...ends, lineComments: ["--"], blockComments: [["/*", "*/"]] }),
  ...each("sql", {
    ...ends,
    family: "brackets",
    lineComments: ["--"],
    blockComments: [["/*", "*/"]],
    quotes: ["$$", "'", '"'],
    longQuotes: ["$$", "'"],
    statementEnd: ";",
  }),
  ...each("yaml yml", keys),
  ...each("toml ini cfg conf env properties", { ...keys, family: "indentation" }),
  ...each("html htm xml svg vue svelte", markup),
  ...each("md markdown txt rst", plain),
};

function each(extensions: string, language: Language): Record<string, Language> {
  return Object.fromEntries(extensions.split(" ").map((extension) => [extension, language]));
}

/** The only language here with these comments and these texts. */
export const isPython = ({ lineComments, longQuotes }: Language): boolean =>
  lineComments.includes("#") && longQuotes.includes('"""');

/** Of a file, by its name. */
export function languageOf(path: string): Language {
  const name = path.split(/[\\/]/).at(-1)?.toLowerCase() ?? "";
  if (/^(makefile|dockerfile|gemfile|rakefile)/.test(name)) return ends;
  return byExtension[name.split(".").at(-1) ?? ""] ?? braces;
}
