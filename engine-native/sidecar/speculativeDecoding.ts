/**
 * Generates with guesses. node-llama-cpp's own loop (3.22.1) accepts one token of a guess at most, as it compares all others with
 * nothing; this one, over its `controlledEvaluate`, accepts all that came true.
 */
import { randomInt } from "node:crypto";
import type { LlamaContextSequence, SequenceEvaluateOptions, Token } from "node-llama-cpp";
import type { Speculation } from "./speculation.js";

type Evaluation = ReturnType<LlamaContextSequence["evaluate"]>;

/** As `sequence.evaluate`, and the same tokens. */
export function speculate(
  sequence: LlamaContextSequence,
  speculation: Speculation | undefined,
): (tokens: Token[], options?: SequenceEvaluateOptions) => Evaluation {
  const evaluate = sequence.evaluate.bind(sequence);
  // A model with a recurrent state cannot go back to before a wrong guess.
  if (!speculation || sequence.needsCheckpoints) return evaluate;
  return (tokens, options = {}) => {
    // Checking a guess draws random numbers: how many must not depend on the time that passes take.
    const random = options.seed !== undefined && (options.temperature ?? 0) > 0;
    return random ? evaluate(tokens, options) : passes(sequence, speculation, tokens, options);
  };
}

async function* passes(
  sequence: LlamaContextSequence,
  speculation: Speculation,
  tokens: Token[],
  options: SequenceEvaluateOptions,
): Evaluation {
  let input = tokens;
  await speculation.reset([...sequence.contextTokens, ...input]);
  while (true) {
    const room = sequence.contextSize - sequence.nextTokenIndex - input.length - 1;
    // What is computed beside a prompt is computed like one, and may differ in the last bit.
    const guess = room > 0 && input.length === 1 ? (await speculation.guess()).slice(0, room) : [];
    const said = await pass(sequence, input, guess, options);
    let read = sequence.nextTokenIndex - (said.length - 1);
    let replaced: Token[] | undefined;
    for (const [index, token] of said.entries()) {
      if (!options.yieldEogToken && sequence.model.isEogToken(token)) return cut(sequence, read);
      const replacement = yield token;
      speculation.push([token]);
      if (replacement !== undefined) {
        replaced = [replacement].flat();
        break;
      }
      if (index < said.length - 1) read += 1;
    }
    await cut(sequence, read);
    input = replaced ?? said.slice(-1);
    if (replaced) await speculation.reset([...sequence.contextTokens, ...input]);
  }
}

/** @returns the tokens of the guess that came true, and the one after them; only the former are in the context then */
async function pass(
  sequence: LlamaContextSequence,
  input: Token[],
  guess: readonly Token[],
  options: SequenceEvaluateOptions,
): Promise<Token[]> {
  const { temperature, minP, topK, topP, xtc, repeatPenalty, dryRepeatPenalty, tokenBias } = options;
  const asked = (token: Token, guessed: readonly Token[]): [Token, object] => {
    const sampling = {
      ...{ temperature, minP, topK, topP, xtc, dryRepeatPenalty, tokenBias },
      repeatPenalty: repeatPenalty && punishing(repeatPenalty, guessed),
      // A sampler lives for one pass: with the same seed it would draw the same numbers again.
      seed: randomInt(2 ** 32),
    };
    return [token, { generateNext: { token: true, options: sampling } }];
  };
  const last = input.length - 1;
  const batch = [
    ...input.slice(0, last),
    ...input.slice(last).map((token) => asked(token, [])),
    ...guess.map((token, index) => asked(token, guess.slice(0, index + 1))),
  ];
  const results = (await sequence.controlledEvaluate(batch)).slice(last);
  const said: Token[] = [];
  for (const result of results) {
    const token = result?.next.token;
    if (token === undefined || token === null) throw new Error("llama.cpp gave no token");
    said.push(token);
    if (token !== guess[said.length - 1]) break;
  }
  await cut(sequence, sequence.nextTokenIndex - (guess.length - (said.length - 1)));
  return said;
}

/** Forgets all from this position on. */
async function cut(sequence: LlamaContextSequence, position: number): Promise<void> {
  const end = sequence.nextTokenIndex;
  if (position < end) await sequence.eraseContextTokenRanges([{ start: position, end }]);
}

type RepeatPenalty = NonNullable<SequenceEvaluateOptions["repeatPenalty"]>;

/** The penalty as it is when these tokens were said. */
function punishing(penalty: RepeatPenalty, guessed: readonly Token[]): RepeatPenalty {
  const { punishTokens, maxPunishTokens = 64 } = penalty;
  const before = () => (punishTokens instanceof Function ? punishTokens() : punishTokens);
  return { ...penalty, punishTokens: () => [...before(), ...guessed].slice(-maxPunishTokens) };
}
