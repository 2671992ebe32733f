/** Guesses the next tokens, so that one pass over the weights may yield several: checking some costs as one does. */
import { InputLookupTokenPredictor, type Token, TokenPredictor } from "node-llama-cpp";

/** Tokens gained and the time that they took, with what is old counting ever less. */
class Rate {
  #tokens = 0;
  #ms = 0;
  #passes = 0;

  add(tokens: number, ms: number): void {
    this.#tokens = 0.9 * this.#tokens + tokens;
    this.#ms = 0.9 * this.#ms + ms;
    this.#passes += 1;
  }

  /** Undefined while too little is known. */
  get tokensPerMs(): number | undefined {
    return this.#passes < 3 || this.#ms === 0 ? undefined : this.#tokens / this.#ms;
  }
}

/** Of node-llama-cpp's options. */
interface Sampling {
  temperature?: number;
  seed?: number;
}

/** Passes without guesses before they are tried again. */
const patience = 32;

/** Whether guessing pays, as measured while it runs: passes with guesses take longer and yield more. */
export class Worth {
  readonly #plain = new Rate();
  readonly #guessed = new Rate();
  #passes = 0;

  /** @param ms of a pass that yielded so many tokens */
  add(guessed: boolean, tokens: number, ms: number): void {
    (guessed ? this.#guessed : this.#plain).add(tokens, ms);
    this.#passes += 1;
  }

  /** Now and then one pass is made the other way, so that a change is noticed. */
  get pays(): boolean {
    const guessed = this.#guessed.tokensPerMs;
    const plain = this.#plain.tokensPerMs;
    if (guessed === undefined) return this.#passes > 0;
    if (plain === undefined) return this.#passes % 4 !== 3;
    return guessed >= plain !== (this.#passes % patience === patience - 1);
  }
}

/**
 * node-llama-cpp's prompt lookup (what the prompt has after the last words of the answer), over the whole prompt, while
 * it pays. A sequence has one for its whole life.
 */
export class Speculation extends TokenPredictor {
  readonly #lookup: InputLookupTokenPredictor;
  readonly #now: () => number;
  #worth = new Worth();
  #off = false;
  /** The pass that runs: since when, with a guess or not, and what it has yielded. */
  #pass: { start: number; guessed: boolean; tokens: number } | undefined;

  /** @param maximumTokens of one guess */
  constructor(maximumTokens: number, now: () => number = () => performance.now()) {
    super();
    // One equal word says little.
    const patternLength = { min: 2 };
    this.#lookup = new InputLookupTokenPredictor({ patternLength, predictionLength: { max: maximumTokens } });
    this.#now = now;
  }

  reset({ stateTokens, evaluateOptions = {} }: { stateTokens: Token[]; evaluateOptions?: Sampling }): void {
    this.#pass = undefined;
    // Checking a guess draws random numbers: how many must not depend on the time that passes take.
    this.#off = evaluateOptions.seed !== undefined && (evaluateOptions.temperature ?? 0) > 0;
    this.#lookup.reset({ stateTokens });
    // Without its end, which is what is looked for.
    this.#lookup.updateInputTokens(stateTokens.slice(0, -1));
  }

  pushTokens(tokens: Token[]): void {
    if (this.#pass) this.#pass.tokens += tokens.length;
    this.#lookup.pushTokens(tokens);
  }

  /** Called before each pass. */
  predictTokens(): Token[] {
    const now = this.#now();
    const { start, guessed, tokens } = this.#pass ?? {};
    if (start !== undefined && guessed !== undefined && tokens) this.#worth.add(guessed, tokens, now - start);
    const guess = !this.#off && this.#worth.pays ? this.#lookup.predictTokens() : [];
    this.#pass = { start: now, guessed: guess.length > 0, tokens: 0 };
    return guess;
  }

  override dispose(): void {
    this.#lookup.dispose();
  }
}
