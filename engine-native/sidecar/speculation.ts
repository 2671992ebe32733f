/** Guesses the next tokens, so that one pass over the weights may yield several: checking some costs as one does. */
import { InputLookupTokenPredictor, type Token } from "node-llama-cpp";
import type { Plan } from "../../protocol/messages.js";

const mostGuessed = 7;

/**
 * Tokens to guess at once: those that are checked while the disk gives one pass over the weights cost nothing; of others each
 * costs what it takes to compute.
 */
export function longestGuess({ weights, measured }: Pick<Plan, "weights" | "measured">): number {
  if (!measured) return mostGuessed;
  const passMs = (1000 * weights.streamedBytes) / measured.diskBytesPerSecond;
  return Math.min(Math.max(Math.round(passMs / checkMs({ measured })), 2), mostGuessed);
}

/** What it takes to compute one more token in a pass, in milliseconds. */
export const checkMs = ({ measured }: Pick<Plan, "measured">): number =>
  measured ? (1000 * measured.usedBytesPerToken) / measured.checkBytesPerSecond : 0;

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

  get msPerToken(): number {
    return this.#tokens === 0 ? Number.POSITIVE_INFINITY : this.#ms / this.#tokens;
  }

  /** Undefined while too little is known. */
  get tokensPerMs(): number | undefined {
    return this.#passes < 3 || this.#ms === 0 ? undefined : this.#tokens / this.#ms;
  }
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

  /** Of a token without guesses, in milliseconds; for ever while none was measured. */
  get plainMs(): number {
    return this.#plain.msPerToken;
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

/** Another model that predicts how a text goes on. */
export interface Guesser {
  /** Begins with another text. */
  reset(tokens: readonly Token[]): Promise<void>;
  /** The text goes on with these. */
  push(tokens: readonly Token[]): void;
  /**
   * @param tokenMs what one that comes true saves: a token without guesses, in milliseconds
   * @param checkMs what each costs, beside the time to guess it
   */
  guess(maximumTokens: number, tokenMs: number, checkMs: number): Promise<Token[]>;
}

export interface SpeculationOptions {
  /** Of one guess. */
  maximumTokens: number;
  /** To check one more token, in milliseconds. */
  checkMs?: number;
  /** Asked where the prompt has nothing to offer. */
  draft?: Guesser;
  /** In milliseconds. */
  now?(): number;
}

/**
 * Guesses what follows the last tokens of the answer where they stand elsewhere in the text (node-llama-cpp's prompt lookup),
 * else what a draft model predicts, while that pays. Each sequence has one.
 */
export class Speculation {
  readonly #lookup: InputLookupTokenPredictor;
  readonly #maximumTokens: number;
  readonly #checkMs: number;
  readonly #draft: Guesser | undefined;
  readonly #now: () => number;
  #worth = new Worth();
  /** The pass that runs: since when, with a guess or not, and what it has yielded. */
  #pass: { start: number; guessed: boolean; tokens: number } | undefined;

  constructor({ maximumTokens, checkMs = 0, draft, now }: SpeculationOptions) {
    // One equal token predicts little.
    const patternLength = { min: 2 };
    this.#lookup = new InputLookupTokenPredictor({ patternLength, predictionLength: { max: maximumTokens } });
    this.#maximumTokens = maximumTokens;
    this.#checkMs = checkMs;
    this.#draft = draft;
    this.#now = now ?? (() => performance.now());
  }

  /** Begins with another text. */
  async reset(text: Token[]): Promise<void> {
    this.#pass = undefined;
    this.#lookup.reset({ stateTokens: text });
    // Without its end, which is what is looked for.
    this.#lookup.updateInputTokens(text.slice(0, -1));
    await this.#draft?.reset(text);
  }

  /** The text goes on with these. */
  push(tokens: Token[]): void {
    if (this.#pass) this.#pass.tokens += tokens.length;
    this.#lookup.pushTokens(tokens);
    this.#draft?.push(tokens);
  }

  /** Called before each pass. */
  async guess(): Promise<Token[]> {
    const start = this.#now();
    const last = this.#pass;
    if (last && last.tokens > 0) this.#worth.add(last.guessed, last.tokens, start - last.start);
    const guess = this.#worth.pays ? await this.#ask() : [];
    this.#pass = { start, guessed: guess.length > 0, tokens: 0 };
    return guess;
  }

  async #ask(): Promise<Token[]> {
    const found = this.#lookup.predictTokens();
    if (found.length > 0 || !this.#draft) return found;
    return this.#draft.guess(this.#maximumTokens, this.#worth.plainMs, this.#checkMs);
  }

  dispose(): void {
    this.#lookup.dispose();
  }
}
