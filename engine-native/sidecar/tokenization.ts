/**
 * Turns long texts into tokens without keeping the process from its other work: what cannot fit is refused by its length alone,
 * and the rest is read in pieces.
 */
import { setImmediate as otherWork } from "node:timers/promises";
import * as l10n from "@vscode/l10n";
import type { LlamaModel, Token } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode, type PromptTooLong } from "../../protocol/messages.js";
import { integer } from "./language.js";

/** What is asked of a model. */
export type Vocabulary = Pick<LlamaModel, "tokenize" | "fileInfo">;

/** In UTF-16 units: read in some 20 ms. */
const pieceLength = 16_384;

const longest = new WeakMap<object, number>();

/** The UTF-8 bytes of text that one token stands for at most. */
function longestToken({ fileInfo }: Vocabulary): number {
  const { ggml } = fileInfo.metadata.tokenizer;
  const known = longest.get(ggml);
  if (known !== undefined) return known;
  // A space is written with three bytes by one family of tokenizers, and each byte as a character by the other.
  const bytes = ggml.tokens.reduce((most, token) => Math.max(most, Buffer.byteLength(token.replaceAll("▁", " "))), 4);
  longest.set(ggml, bytes);
  return bytes;
}

/** How many tokens a text has at least. */
export const leastTokens = (model: Vocabulary, text: string): number =>
  // Each UTF-16 unit is a byte or more.
  Math.ceil(text.length / longestToken(model));

/** A text in pieces that have the same tokens as the whole, but where it has no line end for long. */
export function* pieces(text: string, length = pieceLength): Generator<string> {
  let start = 0;
  while (start < text.length) {
    const end = start + length < text.length ? cutBefore(text, start + length / 2, start + length) : text.length;
    yield text.slice(start, end);
    start = end;
  }
}

/** Where to cut, from `least` to `most`: no tokenizer joins a line end with the letters after it. */
function cutBefore(text: string, least: number, most: number): number {
  for (let end = most; end > least; end--) if (text[end - 1] === "\n" && /\S/.test(text[end] ?? "")) return end;
  for (let end = most; end > least; end--) if (/\S/.test(text[end - 1] ?? "") && text[end] === " ") return end;
  // Not between the two halves of a character.
  return /[\uD800-\uDBFF]/.test(text[most - 1] ?? "") ? most - 1 : most;
}

/** The tokens of a text as plain text, piece by piece. @throws the signal's reason, between two pieces */
async function* tokensOf(
  model: Vocabulary,
  text: string,
  signal: AbortSignal | undefined,
  ...trim: "trimLeadingSpace"[]
): AsyncGenerator<Token[]> {
  let isFirst = true;
  for (const piece of pieces(text)) {
    if (!isFirst) await otherWork();
    signal?.throwIfAborted();
    yield isFirst ? model.tokenize(piece, false, ...trim) : model.tokenize(piece, false, "trimLeadingSpace");
    isFirst = false;
  }
}

/**
 * How many tokens a text has.
 * @param most where it has more, any number above it is returned soon
 * @throws the signal's reason
 */
export async function countTokens(
  model: Vocabulary,
  text: string,
  { most = Number.POSITIVE_INFINITY, signal }: { most?: number; signal?: AbortSignal } = {},
): Promise<number> {
  const least = leastTokens(model, text);
  if (least > most) return least;
  let count = 0;
  for await (const tokens of tokensOf(model, text, signal)) {
    count += tokens.length;
    if (count > most) break;
  }
  return count;
}

/**
 * The tokens of a text, of which a context holds `most`.
 * @throws ResponseError InvalidArgument where it has more; the signal's reason
 */
export async function tokenize(
  model: Vocabulary,
  text: string,
  most: number,
  signal?: AbortSignal,
  ...trim: "trimLeadingSpace"[]
): Promise<Token[]> {
  const least = leastTokens(model, text);
  if (least > most) throw tooLong(l10n.t("The prompt"), least, most, true);
  const all: Token[] = [];
  for await (const tokens of tokensOf(model, text, signal, ...trim)) {
    for (const token of tokens) all.push(token);
    if (all.length > most) throw tooLong(l10n.t("The prompt"), all.length, most, true);
  }
  return all;
}

/** @param what has them; `atLeast`: or more */
export function tooLong(what: string, promptTokens: number, contextTokens: number, atLeast: boolean) {
  const [tokens, context] = [integer(promptTokens), integer(contextTokens)];
  const message = atLeast
    ? l10n.t("{0} has {1} tokens or more, the context {2}. Shorten it or use a larger context.", what, tokens, context)
    : l10n.t("{0} has {1} tokens, the context {2}. Shorten it or use a larger context.", what, tokens, context);
  const data: PromptTooLong = { promptTokens, contextTokens };
  return engineError(ErrorCode.InvalidArgument, message, data);
}

/** There is no room for more of an answer. @param attached something is attached to its question, which takes room as well */
export function contextFull(promptTokens: number, contextTokens: number, attached: boolean) {
  const context = integer(contextTokens);
  const message = attached
    ? l10n.t(
        "The context is full: this question, what is attached to it and the answer so far take all of its {0} tokens. To go on, use a larger context, or ask again with less attached.",
        context,
      )
    : l10n.t(
        "The context is full: this question and the answer so far take all of its {0} tokens. To go on, use a larger context, or ask for less at once.",
        context,
      );
  const data: PromptTooLong = { promptTokens, contextTokens };
  return engineError(ErrorCode.InvalidArgument, message, data);
}
