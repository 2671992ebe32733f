/** How each family of models wants to be asked for what stands in a gap: which special tokens, in which order, and how other files are told. */

/** Names of special tokens. */
interface InfillMarks {
  prefix: string;
  suffix: string;
  /** Absent: the prefix comes last and the model goes on with it. */
  middle?: string;
}

export interface InfillFamily {
  name: string;
  marks: InfillMarks;
  order: "prefix-suffix-middle" | "suffix-prefix-middle";
  /** How a file begins. Absent: as a comment in the prefix. */
  files?: {
    /** Special token before the name of the repository, once at the beginning. */
    repository?: string;
    /** Special token or, with `plain`, text before a file's path. */
    separator: string;
    plain?: boolean;
    /** The path of the file that is completed stands after the mark of the prefix, and not before. */
    pathInPrefix?: boolean;
  };
  /** Of `general.name` or `general.architecture`, where the tokens are those of another family too. */
  named?: RegExp;
}

const angled = { prefix: "<fim_prefix>", suffix: "<fim_suffix>", middle: "<fim_middle>" };
const barred = { prefix: "<|fim_prefix|>", suffix: "<|fim_suffix|>", middle: "<|fim_middle|>" };

/** The first whose tokens the vocabulary has is taken. */
export const infillFamilies: readonly InfillFamily[] = [
  {
    name: "Mellum",
    marks: angled,
    order: "suffix-prefix-middle",
    files: { separator: "<filename>" },
    named: /mellum/i,
  },
  {
    name: "Qwen2.5-Coder, Qwen3-Coder",
    marks: barred,
    order: "prefix-suffix-middle",
    files: { repository: "<|repo_name|>", separator: "<|file_sep|>" },
  },
  {
    name: "CodeGemma",
    marks: barred,
    order: "prefix-suffix-middle",
    files: { separator: "<|file_separator|>" },
  },
  {
    name: "Granite 4",
    marks: barred,
    order: "prefix-suffix-middle",
    files: { repository: "<|reponame|>", separator: "<|filename|>" },
  },
  {
    name: "StarCoder2",
    marks: angled,
    order: "prefix-suffix-middle",
    files: { repository: "<repo_name>", separator: "<file_sep>", pathInPrefix: true },
  },
  {
    name: "Granite Code, StarCoder",
    marks: angled,
    order: "prefix-suffix-middle",
    files: { repository: "<reponame>", separator: "<filename>" },
  },
  {
    name: "DeepSeek-Coder-V2",
    marks: { prefix: "<｜fim▁begin｜>", suffix: "<｜fim▁hole｜>", middle: "<｜fim▁end｜>" },
    order: "prefix-suffix-middle",
    files: { separator: "#", plain: true },
  },
  {
    name: "Codestral",
    marks: { prefix: "[PREFIX]", suffix: "[SUFFIX]" },
    order: "suffix-prefix-middle",
    files: { separator: "+++++ ", plain: true },
  },
  { name: "with Qwen's tokens", marks: barred, order: "prefix-suffix-middle" },
  { name: "with StarCoder's tokens", marks: angled, order: "prefix-suffix-middle" },
];

/**
 * The family of a model.
 * @param hasToken whether a text is one special token of its vocabulary
 * @param names what its metadata calls it
 */
export function infillFamily(hasToken: (text: string) => boolean, names: string): InfillFamily | undefined {
  return infillFamilies.find(({ marks, files, named }) => {
    if (named && !named.test(names)) return false;
    const needed = [marks.prefix, marks.suffix, marks.middle, files?.plain ? undefined : files?.separator];
    return needed.every((mark) => mark === undefined || hasToken(mark));
  });
}
