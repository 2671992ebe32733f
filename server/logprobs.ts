/** How likely the tokens of an answer were, in OpenAI's two forms. */
import type { TokenLikelihood, TokenLogprob } from "../protocol/messages.js";

const entry = ({ text: token, logprob, bytes }: TokenLikelihood) => ({ token, logprob, bytes });

/** Of `/v1/chat/completions`; null where they were not asked for. */
export const chatLogprobs = (logprobs: readonly TokenLogprob[] | undefined) =>
  logprobs === undefined
    ? null
    : { content: logprobs.map((each) => ({ ...entry(each), top_logprobs: each.top.map(entry) })), refusal: null };

/**
 * Of `/v1/completions`; null where they were not asked for.
 * @param start where their text begins in the answer, in UTF-16 units
 */
export function completionLogprobs(logprobs: readonly TokenLogprob[] | undefined, start: number) {
  if (logprobs === undefined) return null;
  let end = start;
  return {
    tokens: logprobs.map(nameOf),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.some(({ top }) => top.length > 0)
      ? logprobs.map(({ top }) => Object.fromEntries(top.map((each) => [nameOf(each), each.logprob])))
      : null,
    text_offset: logprobs.map(({ text }) => {
      const at = end;
      end += text.length;
      return at;
    }),
  };
}

/** Two tokens that are parts of a character would have the same text. */
const nameOf = ({ text, bytes }: TokenLikelihood): string =>
  text.includes("\uFFFD") ? `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("")}` : text;
