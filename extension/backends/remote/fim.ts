/** Fill-in-the-middle for servers without a route for it: the model's own tokens as the prompt, by the name of its family. */

interface FimTokens {
  prefix: string;
  suffix: string;
  middle: string;
  /** The suffix comes first. */
  suffixFirst?: boolean;
  stop: string[];
}

const families: [RegExp, FimTokens][] = [
  [/codestral|devstral/i, { prefix: "[PREFIX]", suffix: "[SUFFIX]", middle: "", suffixFirst: true, stop: [] }],
  [
    /deepseek/i,
    {
      prefix: "<｜fim▁begin｜>",
      suffix: "<｜fim▁hole｜>",
      middle: "<｜fim▁end｜>",
      stop: ["<｜fim▁begin｜>", "<|EOT|>"],
    },
  ],
  [/codellama|code-llama/i, { prefix: "<PRE> ", suffix: " <SUF>", middle: " <MID>", stop: ["<EOT>", "<PRE>"] }],
  [
    /starcoder|granite|refact|smollm/i,
    {
      prefix: "<fim_prefix>",
      suffix: "<fim_suffix>",
      middle: "<fim_middle>",
      stop: ["<fim_prefix>", "<|endoftext|>", "<file_sep>"],
    },
  ],
  [
    /qwen|seed-coder|sweep|zeta|codegemma|flint/i,
    {
      prefix: "<|fim_prefix|>",
      suffix: "<|fim_suffix|>",
      middle: "<|fim_middle|>",
      stop: ["<|fim_prefix|>", "<|fim_pad|>", "<|endoftext|>", "<|file_sep|>", "<|file_separator|>"],
    },
  ],
];

export interface FimPrompt {
  prompt: string;
  /** Texts that end the answer. */
  stop: string[];
}

/** Undefined where the family of a model is not known: text after the cursor is of no use then. */
export function fimPrompt(model: string, before: string, after: string): FimPrompt | undefined {
  const tokens = families.find(([name]) => name.test(model))?.[1];
  if (!tokens) return undefined;
  const { prefix, suffix, middle, suffixFirst, stop } = tokens;
  const prompt = suffixFirst ? suffix + after + prefix + before : prefix + before + suffix + after + middle;
  return { prompt, stop };
}
