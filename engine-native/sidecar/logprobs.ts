/**
 * How likely each token of an answer was, of what it was drawn from: after penalties, temperature and the choice of the likeliest. Looked
 * at only where a request asks for it, as it takes the numbers of the whole vocabulary for each token.
 */
import type { LlamaContextSequence, LlamaModel, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { ErrorCode, type GenerationParams, type TokenLikelihood, type TokenLogprob } from "../../protocol/messages.js";
import { checkFirstToken, type Evaluate } from "./firstToken.js";
import { tokenBytes } from "./tokenBytes.js";
import { damagedWeights, type Trial } from "./trial.js";

type Evaluation = ReturnType<Evaluate>;
type Vocabulary = Pick<LlamaModel, "detokenize" | "fileInfo">;

/** In JSON there is no infinity: what OpenAI has for what could not come at all. */
const least = -9999;

/** A token with the likeliest ones in its place, as natural logarithms, the likeliest first. */
export interface Drawn {
  token: Token;
  logprob: number;
  top: readonly (readonly [token: Token, logprob: number])[];
}

/** More tokens that could be drawn are not looked at: of a large vocabulary each step would take megabytes, which the cap has no room for. */
const mostDrawn = 1000;

/**
 * @param formed the answer is JSON of a schema
 * @throws ResponseError InvalidArgument where a whole vocabulary would have to be looked at for the likeliest tokens
 */
export function checkLikeliest({ logprobs = 0, temperature = 0, topK }: GenerationParams, formed: boolean): void {
  if (logprobs === 0) return;
  const refuse = (message: string) => engineError(ErrorCode.InvalidArgument, message);
  if (temperature <= 0 && formed) {
    throw refuse("The likeliest tokens cannot be told of JSON of a schema at temperature 0. Ask for logprobs alone.");
  }
  if (temperature > 0 && topK !== undefined && (topK < 1 || topK > mostDrawn)) {
    throw refuse("The likeliest tokens can be told only with a top_k from 1 to 1,000 at this temperature.");
  }
}

/** Of one answer: gives to each text that is told the likelihoods of its tokens. */
export class Logprobs {
  /** What was drawn, and has not come as text yet. */
  readonly #drawn: Drawn[] = [];
  #pending: TokenLogprob[] = [];
  /** All that were told. */
  readonly told: TokenLogprob[] = [];

  /** @param top so many of the likeliest for each token */
  constructor(
    private readonly model: Vocabulary,
    readonly top: number,
  ) {}

  add(drawn: Drawn): void {
    this.#drawn.push(drawn);
  }

  /** These tokens have come as text. Others that were drawn before them never will. */
  come(tokens: readonly Token[]): void {
    for (const token of tokens) {
      const same = this.#drawn.findIndex((drawn) => drawn.token === token);
      const place = same < 0 ? this.#cutTo(token) : same;
      // One that was not drawn but given, as the end of a thought.
      if (place < 0) continue;
      const [found] = this.#drawn.splice(0, place + 1).slice(-1);
      if (found) this.#pending.push(this.#described(found));
    }
  }

  /** What has come is not told: a thought, or the beginning of a call. */
  forget(): void {
    this.#pending = [];
  }

  /**
   * @param within the text that is told now, where it ends before what has come: at a text that ends the answer
   * @returns what has come since this was last asked
   */
  take(within?: string): TokenLogprob[] {
    let left = within === undefined ? Number.POSITIVE_INFINITY : Buffer.byteLength(within);
    const taken: TokenLogprob[] = [];
    for (const each of this.#pending) {
      if (left <= 0) break;
      taken.push(each);
      left -= each.bytes.length;
    }
    this.#pending = [];
    this.told.push(...taken);
    return taken;
  }

  /** @returns the place of one that begins with this: node-llama-cpp cuts what the last one has after the end of the answer; -1: none */
  #cutTo(token: Token): number {
    const bytes = tokenBytes(this.model, token);
    return this.#drawn.findIndex((drawn) => {
      const own = tokenBytes(this.model, drawn.token);
      return bytes.length > 0 && bytes.every((byte, index) => own[index] === byte);
    });
  }

  #described({ token, logprob, top }: Drawn): TokenLogprob {
    return {
      ...this.#likelihood(token, logprob),
      top: top.slice(0, this.top).map(([other, likely]) => this.#likelihood(other, likely)),
    };
  }

  #likelihood(token: Token, logprob: number): TokenLikelihood {
    const bytes = tokenBytes(this.model, token);
    return { token, text: Buffer.from(bytes).toString(), bytes, logprob: Math.max(logprob, least) };
  }
}

/**
 * As `sequence.evaluate`, and the same tokens, but where a grammar has them drawn by chance: it comes first here. What one chooses for a
 * call of a tool is not looked at, at temperature 0.
 * @param calls the grammar of an evaluation is that of calls
 */
export function withLogprobs(
  sequence: LlamaContextSequence,
  trial: Trial,
  logprobs: Logprobs,
  calls: boolean,
): Evaluate {
  const plain = checkFirstToken(sequence, trial, sequence.evaluate.bind(sequence));
  return (tokens, options = {}) => {
    const isGreedy = (options.temperature ?? 0) <= 0;
    // A sampler lives for one evaluation: another one with the same seed would draw the same numbers again.
    return isGreedy && (calls || grammarOf(options) === undefined)
      ? greedily(sequence, trial, logprobs, plain, tokens, options)
      : byProbabilities(sequence, trial, logprobs, tokens, options);
  };
}

const grammarOf = ({ grammarEvaluationState: grammar }: SequenceEvaluateOptions) =>
  typeof grammar === "function" ? grammar() : grammar;

/** Token by token, with what is wanted of the numbers alone: of a large vocabulary all would be megabytes for each token. */
async function* greedily(
  sequence: LlamaContextSequence,
  trial: Trial,
  logprobs: Logprobs,
  plain: Evaluate,
  tokens: Token[],
  options: SequenceEvaluateOptions,
): Evaluation {
  let input = tokens;
  while (input.length > 0) {
    const token = grammarOf(options)
      ? await firstOf(plain(input, options))
      : await likeliest(sequence, trial, logprobs, input, options);
    if (token === undefined || (!options.yieldEogToken && sequence.model.isEogToken(token))) return;
    const replacement = yield token;
    input = replacement === undefined ? [token] : [replacement].flat();
  }
}

async function firstOf(steps: Evaluation): Promise<Token | undefined> {
  try {
    const step = await steps.next();
    return step.done ? undefined : step.value;
  } finally {
    await steps.return();
  }
}

async function likeliest(
  sequence: LlamaContextSequence,
  trial: Trial,
  logprobs: Logprobs,
  input: readonly Token[],
  { repeatPenalty, dryRepeatPenalty, tokenBias }: SequenceEvaluateOptions,
): Promise<Token> {
  const generateNext = {
    token: true,
    logits: { filter: { tokens: [], includeSelected: true, includeTop: logprobs.top } },
    totalLogitWeight: true,
    options: { temperature: 0, repeatPenalty, dryRepeatPenalty, tokenBias },
  };
  const last = input.length - 1;
  const results = await sequence.controlledEvaluate(
    input.map((token, index) => (index < last ? token : [token, { generateNext } as object])),
  );
  const { token, logits, totalLogitWeight } = results.at(-1)?.next ?? {};
  // node-llama-cpp knows both since 3.22, which there is not for Windows and macOS yet.
  if (token !== undefined && token !== null && (logits === undefined || totalLogitWeight === undefined)) {
    throw engineError(ErrorCode.InvalidArgument, "logprobs: not supported on this system yet.");
  }
  if (token === undefined || token === null || !Number.isFinite(totalLogitWeight)) {
    throw damagedWeights(trial.modelPath);
  }
  trial.pass();
  const likely = [...(logits ?? [])].sort(([, one], [, other]) => other - one);
  // Of all weights the sum is told, with e^0 for the highest.
  const whole = (likely[0]?.[1] ?? 0) + Math.log(totalLogitWeight ?? 1);
  const top = likely.map(([other, logit]) => [other, logit - whole] as const);
  logprobs.add({ token, logprob: (logits?.get(token) ?? whole) - whole, top });
  return token;
}

interface Step {
  token: Token;
  confidence: number;
  probabilities?: ReadonlyMap<Token, number>;
}
type Replacement = Parameters<ReturnType<LlamaContextSequence["evaluateWithMetadata"]>["next"]>[0];

/** With all that could be drawn: see {@link checkLikeliest}. */
async function* byProbabilities(
  sequence: LlamaContextSequence,
  trial: Trial,
  logprobs: Logprobs,
  tokens: Token[],
  options: SequenceEvaluateOptions,
): Evaluation {
  const steps: AsyncGenerator<Step, void, Replacement> =
    logprobs.top > 0
      ? sequence.evaluateWithMetadata(tokens, { confidence: true, probabilities: true }, options)
      : sequence.evaluateWithMetadata(tokens, { confidence: true }, options);
  try {
    let step = await steps.next();
    while (!step.done) {
      const { token, confidence, probabilities = new Map() } = step.value;
      if (!Number.isFinite(confidence)) throw damagedWeights(trial.modelPath);
      trial.pass();
      logprobs.add({ token, logprob: Math.log(confidence), top: firstEntries(probabilities, logprobs.top) });
      step = await steps.next(yield token);
    }
    trial.pass();
  } finally {
    await steps.return();
  }
}

/** The likeliest come first. */
function firstEntries(probabilities: ReadonlyMap<Token, number>, count: number): Drawn["top"] {
  const first: [Token, number][] = [];
  for (const [token, probability] of probabilities) {
    // What a grammar forbids has none.
    if (first.length >= count || probability === 0) break;
    first.push([token, Math.log(probability)]);
  }
  return first;
}
