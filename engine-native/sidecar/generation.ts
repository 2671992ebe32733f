/** Turns a prompt into tokens on one context sequence: prefill, decode, timings. */
import * as l10n from "@vscode/l10n";
import type { Token } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode, type FinishReason, type GenerationParams, type GenerationResult } from "../../protocol/messages.js";
import { checkFirstToken, type Evaluate } from "./firstToken.js";
import type { Beginning } from "./infill/halfWord.js";
import { checkLikeliest, Logprobs, withLogprobs } from "./logprobs.js";
import { withPassScheduling } from "./passScheduling.js";
import { type PrefillContext, prefill, withPrompt } from "./prefill.js";
import { penalties, sampling } from "./sampling.js";
import type { Speculation } from "./speculation.js";
import { speculate } from "./speculativeDecoding.js";
import { abandonOnAbort } from "./stop.js";
import { StopStrings } from "./stopStrings.js";
import { Timings } from "./timings.js";
import { tooLong } from "./tokenization.js";
import type { Trial } from "./trial.js";

/** What a generation yields; the engine adds what the flash backend counted. */
export interface Generated
  extends Pick<
    GenerationResult,
    | "text"
    | "tokens"
    | "promptTokens"
    | "cachedPromptTokens"
    | "omittedMessages"
    | "finishReason"
    | "logprobs"
    | "thought"
    | "toolCalls"
  > {
  timings: Timings;
}

export interface GenerationContext extends PrefillContext {
  params: GenerationParams;
  /** Read the prompt, generate nothing. */
  prepareOnly?: boolean;
  /** Absent where it would not pay. */
  speculation?: Speculation | undefined;
  trial: Trial;
  /** What the text begins with, which is not part of what is told. */
  beginning?: Beginning | undefined;
}

/**
 * As `sequence.evaluate`, with guesses, and a look at the first token of a model.
 * @param logprobs takes how likely each token was; then nothing is guessed
 * @param calls tools may be called
 */
export const evaluateOf = (
  { sequence, speculation, trial, beginning }: GenerationContext,
  logprobs?: Logprobs,
  calls = false,
): Evaluate =>
  logprobs
    ? withLogprobs(sequence, trial, logprobs, calls)
    : // A guess would be checked by what may come before it.
      checkFirstToken(sequence, trial, speculate(sequence, beginning ? undefined : speculation));

/**
 * Undefined where the request does not ask for them.
 * @param formed the answer is JSON of a schema
 * @throws ResponseError InvalidArgument for what takes too much
 */
export function logprobsOf({ sequence, params }: GenerationContext, formed = false): Logprobs | undefined {
  if (params.logprobs === undefined) return undefined;
  checkLikeliest(params, formed);
  return new Logprobs(sequence.model, params.logprobs);
}

/**
 * Continues a prompt until an end-of-generation token, the limit, or the end of the context.
 * @param promptOf makes the prompt
 * @throws ResponseError InvalidArgument when the prompt is empty or longer than the context.
 */
export async function continueTokens(
  context: GenerationContext,
  promptOf: (signal: AbortSignal) => Promise<Token[]>,
): Promise<Generated> {
  const { sequence, params, signal, onProgress, beginning } = context;
  const { model } = sequence;
  let prompt: Token[] = [];
  let cachedPromptTokens = 0;
  const timings = new Timings();
  const tokens: Token[] = [];
  let text = "";
  const logprobs = logprobsOf(context);
  const stops = params.stop && new StopStrings(params.stop);
  let stoppedText: string | undefined;
  let told = "";
  const said = () => model.detokenize(tokens, false, prompt);
  const written = () => beginning?.after(said()) ?? said();
  const finish = (finishReason: FinishReason): Generated => ({
    text: stoppedText ?? written(),
    tokens,
    promptTokens: prompt,
    cachedPromptTokens,
    omittedMessages: [],
    finishReason,
    ...(logprobs && { logprobs: logprobs.told }),
    timings,
  });
  const tell = (piece: string, own: Token[], isEnd = false) => {
    told += piece;
    const { tokensPerSecond } = timings;
    const likely = logprobs && piece !== "" ? { logprobs: logprobs.take(isEnd ? piece : undefined) } : {};
    onProgress({ kind: "text", text: piece, tokens: own, tokensPerSecond, ...likely });
  };
  /** Tells what was held back: the beginning of a stop text that never came, or of a character. */
  const end = (finishReason: FinishReason): Generated => {
    const rest = written().slice(told.length);
    if (rest !== "") tell(rest, []);
    return finish(finishReason);
  };
  try {
    prompt = await promptOf(signal);
    if (prompt.length === 0) throw engineError(ErrorCode.InvalidArgument, l10n.t("The prompt is empty."));
    const room = sequence.contextSize - prompt.length;
    if (room < 1) throw tooLong(l10n.t("The prompt"), prompt.length, sequence.contextSize, false);
    const limit = Math.min(params.maximumTokens ?? room, room);
    cachedPromptTokens = await prefill(context, prompt);
    if (signal.aborted) return finish("cancelled");
    const rest = prompt.slice(sequence.nextTokenIndex);
    if (context.prepareOnly) {
      // The last token is what the next request begins with.
      await context.beforePass();
      await abandonOnAbort(context, sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, -1)));
      return finish(signal.aborted ? "cancelled" : "length");
    }
    const penalized = penalties(params);
    const evaluation = evaluateOf(context, logprobs)(rest, {
      ...sampling(params),
      ...(beginning && { tokenBias: () => beginning.bias(said()) }),
      ...(penalized ? { repeatPenalty: { ...penalized, punishTokens: () => tokens } } : {}),
      yieldEogToken: params.ignoreEos === true,
    });
    for await (const token of withPassScheduling(withPrompt(evaluation, context, rest), context)) {
      timings.add(1);
      tokens.push(token);
      // All tokens each time: a character may need more than one, and spaces depend on the token before.
      const decoded = written();
      const complete = decoded.endsWith("\uFFFD") ? text : decoded;
      const piece = stops?.push(complete.slice(text.length)) ?? { text: complete.slice(text.length) };
      logprobs?.come([token]);
      tell(piece.text, [token], piece.found !== undefined);
      text = complete;
      if (piece.found !== undefined) {
        stoppedText = told;
        return finish("stop");
      }
      if (tokens.length >= limit) return end("length");
      if (signal.aborted) return finish("cancelled");
    }
    return signal.aborted ? finish("cancelled") : end("stop");
  } catch (error) {
    // An aborted computation surfaces as a failed decode.
    if (signal.aborted) return finish("cancelled");
    throw error;
  }
}
