/** What a model thinks before it answers: told apart from the answer, counted, timed, and ended early where a person wants that. */
import type { LlamaChatResponseChunk, Token } from "node-llama-cpp";
import type { GenerationProgress, Thought } from "../../protocol/messages.js";
import { ThoughtTags } from "./thoughtTags.js";

interface ThoughtsOptions {
  /** Whether node-llama-cpp knows how the template marks thoughts. Else they are looked for in the text. */
  marked: boolean;
  /** Tokens that end a thought in the text. */
  closing: Token[];
  /** Now, of the answer and its thought. */
  tokensPerSecond(): number;
  onProgress(progress: GenerationProgress): void;
}

export class Thoughts {
  readonly #options: ThoughtsOptions;
  readonly #tags: ThoughtTags | undefined;
  readonly #forced: Token[] = [];
  #text = "";
  #tokens = 0;
  #startMs: number | undefined;
  #endMs = 0;
  #endedEarly = false;
  /** For node-llama-cpp, which looks at it after each token. */
  readonly budgets = { thoughtTokens: Number.POSITIVE_INFINITY, commentTokens: Number.POSITIVE_INFINITY };

  constructor(options: ThoughtsOptions) {
    this.#options = options;
    this.#tags = options.marked ? undefined : new ThoughtTags();
  }

  /** Absent where there was none. */
  get thought(): Thought | undefined {
    if (this.#startMs === undefined) return undefined;
    return {
      text: this.#text.trim(),
      tokens: this.#tokens,
      durationMs: this.#endMs - this.#startMs,
      ...(this.#endedEarly && { endedEarly: true }),
    };
  }

  /** Whether what comes is a thought in the text. */
  get isUnderWay(): boolean {
    return this.#tags?.isOpen ?? false;
  }

  /** Ends the thought that is under way; one that begins later ends at once. @returns false where the answer has begun */
  answerNow(): boolean {
    if (this.#tags) {
      if (!this.#tags.isOpen) return false;
      this.#forced.push(...this.#options.closing);
    } else {
      this.budgets.thoughtTokens = 0;
    }
    this.#endedEarly = true;
    return true;
  }

  /** A piece of a thought, as node-llama-cpp tells it. */
  pushSegment({ text, tokens }: Pick<LlamaChatResponseChunk, "text" | "tokens">): void {
    this.#add(text, tokens.length);
  }

  /** @returns what of a piece of the text is the answer's */
  pushText(chunk: string, tokens = 0): string {
    if (!this.#tags) return chunk;
    const { thought, text } = this.#tags.push(chunk);
    if (thought !== "" || this.#tags.isOpen) this.#add(thought, tokens);
    return text;
  }

  /** @returns what was held back of the answer */
  end(): string {
    return this.#tags?.end() ?? "";
  }

  /** The same tokens, but for those that end a thought early. */
  async *forcing(
    steps: AsyncGenerator<Token, void, undefined | Token | Token[]>,
  ): AsyncGenerator<Token, void, undefined | Token | Token[]> {
    try {
      let step = await steps.next();
      while (!step.done) {
        const forced = this.#forced.shift();
        const replacement: Token | Token[] | undefined = yield forced ?? step.value;
        step = await steps.next(replacement ?? forced);
      }
    } finally {
      await steps.return();
    }
  }

  #add(text: string, tokens: number): void {
    this.#endMs = performance.now();
    this.#startMs ??= this.#endMs;
    this.#text += text;
    this.#tokens += tokens;
    const durationMs = this.#endMs - this.#startMs;
    const tokensPerSecond = this.#options.tokensPerSecond();
    this.#options.onProgress({ kind: "thought", text, tokens: this.#tokens, durationMs, tokensPerSecond });
  }
}
