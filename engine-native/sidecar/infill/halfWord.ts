/**
 * Words that have only begun before the cursor. "cons" has other tokens than the beginning of "console" has, and after them a model
 * goes on as it never does. So the prompt ends before the word, and what the model writes has to begin with it.
 */
import { type LlamaModel, type Token, TokenBias } from "node-llama-cpp";
import type { CompleteParams } from "../../../protocol/messages.js";

interface HalfWord {
  /** The text before the word. */
  before: string;
  /** The word's beginning, with one blank or mark before it, as tokens take one in; "" where no word has begun. */
  begun: string;
}

/** Letters that each are one byte: of others a token may be half of one. */
const beginning = /[!-/:-@[-`{-~ \t]?[A-Za-z]+$/;
/** Longer than any word that is one token; what is longer has mostly the tokens that it would have, in characters. */
const longest = 24;

export function splitHalfWord(text: string): HalfWord {
  const [begun = ""] = beginning.exec(text.slice(-longest - 1)) ?? [];
  return begun.length > longest
    ? { before: text, begun: "" }
    : { before: text.slice(0, text.length - begun.length), begun };
}

/** More than any two logits differ by. */
const certain = 1000;

/** Makes a model's text begin as it has to. */
export class Beginning {
  private readonly free: TokenBias;

  /** @param text what comes first */
  constructor(
    private readonly model: LlamaModel,
    readonly text: string,
  ) {
    this.free = new TokenBias(model.tokenizer);
  }

  /** For the next token, after `said`. */
  bias(said: string): TokenBias {
    const rest = this.text.slice(said.length);
    if (rest === "") return this.free;
    const { model } = this;
    const bias = new TokenBias(model.tokenizer);
    for (const index of fitting(model.fileInfo.metadata.tokenizer.ggml.tokens, spelled(model, rest))) {
      const token = index as Token;
      if (!model.isSpecialToken(token)) bias.set(token, { logit: certain });
    }
    return bias;
  }

  /** What comes after it. */
  after(said: string): string {
    return said.startsWith(this.text) ? said.slice(this.text.length) : "";
  }
}

/** Ends the prompt before a word that has begun, where somebody is typing. */
export function healed(model: LlamaModel, params: CompleteParams): { params: CompleteParams; beginning?: Beginning } {
  const { prefix, typing, promptTokens } = params;
  if (!typing || promptTokens || !spellsLetters(model)) return { params };
  const { before, begun } = splitHalfWord(prefix);
  if (begun === "") return { params };
  return { params: { ...params, prefix: before }, beginning: new Beginning(model, begun) };
}

/** The tokens that begin with a text, or that it begins with. */
export function* fitting(vocabulary: readonly string[], text: string): Generator<number> {
  for (const [token, spelling] of vocabulary.entries()) {
    if (spelling !== "" && (spelling.startsWith(text) || text.startsWith(spelling))) yield token;
  }
}

/** Whether the vocabulary spells letters as themselves, as those of both families of tokenizers do. */
const spellsLetters = ({ fileInfo }: Pick<LlamaModel, "fileInfo">): boolean =>
  ["gpt2", "llama"].includes(fileInfo.metadata.tokenizer.ggml.model);

/** As tokens are written in the vocabulary: blanks have signs of their own. */
function spelled({ fileInfo }: Pick<LlamaModel, "fileInfo">, text: string): string {
  const [blank, tab] = fileInfo.metadata.tokenizer.ggml.model === "gpt2" ? ["Ġ", "ĉ"] : ["▁", "\t"];
  return text.replaceAll(" ", blank).replaceAll("\t", tab);
}
