import type { LlamaContextSequence, Token } from "node-llama-cpp";
import { expect, test } from "vitest";
import { type Guesser, Speculation } from "./speculation.js";
import { speculate } from "./speculativeDecoding.js";

const tokens = (...ids: number[]) => ids as Token[];
type Input = Token | [Token, object];

/** Counts: after n comes n + 1, and after 20 the end. */
class Counting {
  contextTokens: Token[] = [];
  readonly contextSize = 64;
  readonly needsCheckpoints = false;
  readonly model = { isEogToken: (token: Token) => token === 21 };
  passes = 0;
  get nextTokenIndex() {
    return this.contextTokens.length;
  }
  evaluate = () => {
    throw new Error("asked for passes without guesses");
  };
  controlledEvaluate = async (input: Input[]) => {
    this.passes += 1;
    this.contextTokens.push(...input.map((item) => (Array.isArray(item) ? item[0] : item)));
    return input.map((item) => (Array.isArray(item) ? { next: { token: item[0] + 1 } } : undefined));
  };
  eraseContextTokenRanges = async ([{ start, end }]: [{ start: number; end: number }]) => {
    this.contextTokens.splice(start, end - start);
  };
}

/** Right for three tokens, wrong in the fourth. */
class Guessing implements Guesser {
  private last = 0;
  reset = async (text: readonly Token[]) => this.push(text);
  push = (text: readonly Token[]) => {
    this.last = text.at(-1) ?? 0;
  };
  guess = async () => tokens(this.last + 1, this.last + 2, this.last + 3, 99);
}

function setUp() {
  const sequence = new Counting();
  let now = 0;
  const speculation = new Speculation({ maximumTokens: 4, draft: new Guessing(), now: () => ++now });
  const evaluate = speculate(sequence as unknown as LlamaContextSequence, speculation);
  return { sequence, evaluate };
}

test("all of a guess that came true is accepted, and what follows it; the rest is forgotten", async () => {
  const { sequence, evaluate } = setUp();
  const said: number[] = [];
  for await (const token of evaluate(tokens(1))) said.push(token);
  expect(said).toEqual(Array.from({ length: 19 }, (_, i) => i + 2));
  // The first pass is without a guess, each other yields four tokens; one or two are plain, to measure what that gives.
  expect(sequence.passes).toBeLessThan(12);
  expect(sequence.contextTokens).toEqual(Array.from({ length: sequence.nextTokenIndex }, (_, i) => i + 1));
});

test("a token that is put in place of another takes the rest of the guess with it", async () => {
  const { sequence, evaluate } = setUp();
  const steps = evaluate(tokens(1));
  const said: number[] = [];
  for (let step = await steps.next(); !step.done && said.length < 6; ) {
    said.push(step.value);
    step = await steps.next(step.value === 4 ? tokens(11)[0] : undefined);
  }
  expect(said).toEqual([2, 3, 4, 12, 13, 14]);
  expect(sequence.contextTokens.slice(0, 4)).toEqual([1, 2, 3, 11]);
});
