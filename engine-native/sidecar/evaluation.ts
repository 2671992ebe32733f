/** How well a model predicts a text: what `flint eval` reports. */
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode, type EvaluationProgress } from "../../protocol/messages.js";
import { abandonOnAbort, type Stoppable } from "./stop.js";
import { damagedWeights, type Trial } from "./trial.js";

export interface EvaluationContext extends Stoppable {
  trial: Trial;
  sequence: LlamaContextSequence;
  onProgress(progress: EvaluationProgress): void;
}

export interface TextEvaluation {
  /** e to the mean negative log-likelihood of a token. */
  perplexity: number;
  /** Share of tokens that were the most likely prediction, 0 to 1. */
  accuracy: number;
  /** That were predicted. */
  tokens: number;
  /** UTF-8 bytes that these tokens stand for. */
  bytes: number;
}

/** The plan has room for the logits of 16 tokens, of any vocabulary, and for this many bytes of them. */
const logitBytes = 4 * 1024 ** 2;
const fewestTokens = 16;

/**
 * Predicts each token of `text` from those before it, in windows of the context's size that start anew: all tokens of a
 * window but the first count.
 * @throws ResponseError InvalidArgument for a text of fewer than two tokens; the signal's reason.
 */
export async function evaluateText(context: EvaluationContext, text: string): Promise<TextEvaluation> {
  const { sequence, signal, onProgress } = context;
  const { model, contextSize } = sequence;
  const all = model.tokenize(text, false);
  const { bos, shouldPrependBosToken } = model.tokens;
  const start = shouldPrependBosToken && bos !== null ? [bos] : [];
  const windowTokens = contextSize - start.length;
  const totals = { negativeLogLikelihood: 0, right: 0, tokens: 0, bytes: 0 };
  for (let begin = 0; begin + 1 < all.length; begin += windowTokens) {
    const window = all.slice(begin, begin + windowTokens);
    await sequence.clearHistory();
    await evaluateWindow([...start, ...window], start.length, context, totals, (tokens) =>
      onProgress({ evaluatedTokens: begin + tokens, totalTokens: all.length }),
    );
    totals.bytes += Buffer.byteLength(model.detokenize(window.slice(1), true));
    signal.throwIfAborted();
  }
  const { negativeLogLikelihood, right, tokens, bytes } = totals;
  if (tokens === 0) throw engineError(ErrorCode.InvalidArgument, "The text is too short: give two tokens or more.");
  return { perplexity: Math.exp(negativeLogLikelihood / tokens), accuracy: right / tokens, tokens, bytes };
}

/** node-llama-cpp knows logits since 3.22. */
const tooOld = () =>
  engineError(ErrorCode.InvalidState, "A text can't be evaluated on this system yet: it takes node-llama-cpp 3.22.");

async function evaluateWindow(
  window: Token[],
  /** Tokens at the start that are not the text's. */
  given: number,
  context: EvaluationContext,
  totals: { negativeLogLikelihood: number; right: number; tokens: number },
  onTokens: (count: number) => void,
): Promise<void> {
  const { sequence, signal } = context;
  const vocabulary = sequence.model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const chunk = Math.max(fewestTokens, Math.floor(logitBytes / (4 * vocabulary)));
  for (let begin = 0; begin < window.length - 1; begin += chunk) {
    signal.throwIfAborted();
    const tokens = window.slice(begin, Math.min(begin + chunk, window.length - 1));
    const evaluated = sequence.controlledEvaluate(
      tokens.map((token, i) => {
        const next = window[begin + i + 1];
        if (next === undefined || begin + i < given) return token;
        // Not includeMax: node-llama-cpp 3.22.1 leaves it out.
        const logits = { filter: { tokens: [next], includeTop: 1 } };
        return [token, { generateNext: { logits, totalLogitWeight: true } }];
      }),
    );
    const results = await abandonOnAbort(context, evaluated);
    signal.throwIfAborted();
    for (const [i, result] of results?.entries() ?? []) {
      const next = window[begin + i + 1];
      const { logits, totalLogitWeight } = result?.next ?? {};
      if (result && next !== undefined && begin + i >= given && logits === undefined) throw tooOld();
      if (next === undefined || logits === undefined || totalLogitWeight === undefined) continue;
      const [best, highest] = [...logits].reduce((a, b) => (b[1] > a[1] ? b : a));
      const logit = logits.get(next);
      if (logit === undefined || !Number.isFinite(logit)) {
        throw damagedWeights(context.trial.modelPath);
      }
      context.trial.pass();
      totals.negativeLogLikelihood += Math.log(totalLogitWeight) + highest - logit;
      if (best === next) totals.right += 1;
      totals.tokens += 1;
    }
    onTokens(begin + tokens.length);
  }
}
