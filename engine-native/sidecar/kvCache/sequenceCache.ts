/** What is kept on disk of one sequence's KV cache: when it is written, and when it is read. */
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import type { KeptEntry, KvCacheStore } from "./store.js";

/** To be worth a file or the reading of one, so many tokens must be saved. */
const leastTokens = 256;
/** And this share of all tokens of that file: a conversation that grows is not written whole with each short answer. */
const leastShare = 1 / 16;

/** Whether what is read of a prompt may be kept. */
export const isLong = (tokens: number): boolean => tokens >= leastTokens;
const worthwhile = (saved: number, all: number): boolean => saved >= Math.max(leastTokens, leastShare * all);

interface SequenceCacheOptions {
  sequence: LlamaContextSequence;
  store: KvCacheStore;
  /** As `keyOf` makes it. */
  key: Promise<string>;
  /** Of the KV cache, for each token, about; 0 where that is not known. */
  bytesPerToken: number;
  log(line: string): void;
}

export class SequenceCache {
  readonly #options: SequenceCacheOptions;
  /** That are on the disk for sure: written or read last. */
  #kept: ArrayLike<number> = [];

  constructor(options: SequenceCacheOptions) {
    this.#options = options;
    // Whoever needs it is told.
    options.key.catch(() => undefined);
  }

  /**
   * Reads the longest beginning of a prompt that is on the disk, where that saves enough beside what is in memory. What cannot be
   * read from there is evaluated. Returns early when the signal is aborted; never rejects.
   */
  async restore(prompt: readonly Token[], signal: AbortSignal = new AbortController().signal): Promise<void> {
    const { sequence, log } = this.#options;
    try {
      // The last token is evaluated in any case: it gives the first one of the answer.
      const wanted = prompt.slice(0, -1);
      const inMemory = this.#inMemory(wanted);
      if (!isLong(wanted.length - inMemory)) return;
      const gain = (entry: KeptEntry) => this.#usable(entry.tokens, wanted) - inMemory;
      const found = (await this.#entries())
        .filter((entry) => worthwhile(gain(entry), entry.tokens.length) && entry.tokens.length <= sequence.contextSize)
        .sort((a, b) => gain(b) - gain(a) || a.tokens.length - b.tokens.length);
      for (const entry of found) if (await this.#read(entry, signal)) return;
    } catch (error) {
      if (signal.aborted) return;
      log(`KV cache: nothing is read from the disk: ${error instanceof Error ? error.message : error}`);
    }
  }

  /**
   * Keeps what is in memory, where enough of it is not on the disk. Resolves when it is written, so that the sequence may change.
   * Never rejects.
   * @param sessionId of the conversation that it is
   */
  async save(sessionId?: string): Promise<void> {
    const { sequence, store, bytesPerToken, log } = this.#options;
    try {
      const tokens = Uint32Array.from(sequence.contextTokens);
      const { length } = tokens;
      const isNew = (kept: ArrayLike<number>) => worthwhile(length - this.#usable(kept, tokens), length);
      if (!isNew(this.#kept) || bytesPerToken * length > store.budgetBytes || !store.keeps(sessionId)) return;
      const entries = await this.#entries();
      if (!entries.every((entry) => isNew(entry.tokens))) return;
      const isReplaced = ({ tokens: old }: KeptEntry) =>
        !sequence.needsCheckpoints && commonLength(old, tokens) === old.length;
      const write = async (path: string) => (await sequence.saveStateToFile(path)).fileSize;
      await store.add({ key: await this.#options.key, tokens, sessionId }, write, isReplaced);
      this.#kept = tokens;
    } catch (error) {
      log(`KV cache: nothing is kept: ${error instanceof Error ? error.message : error}`);
    }
  }

  async #entries(): Promise<KeptEntry[]> {
    return this.#options.store.entriesOf(await this.#options.key);
  }

  /** @returns false where it is damaged; then the sequence may be empty */
  async #read(entry: KeptEntry, signal: AbortSignal): Promise<boolean> {
    const { sequence, store } = this.#options;
    if (!(await store.check(entry, signal))) return false;
    signal.throwIfAborted();
    // With it go the states that are kept in memory: they are those of another text.
    await sequence.clearHistory();
    try {
      await sequence.loadStateFromFile(entry.path, { acceptRisk: true });
    } catch (error) {
      await store.remove(entry, error instanceof Error ? error.message : String(error));
      return false;
    }
    const { contextTokens } = sequence;
    if (
      contextTokens.length !== entry.tokens.length ||
      commonLength(contextTokens, entry.tokens) < entry.tokens.length
    ) {
      await store.remove(entry, "its state is that of another text");
      await sequence.clearHistory();
      return false;
    }
    if (sequence.needsCheckpoints) await sequence.takeCheckpoint();
    this.#kept = entry.tokens;
    await store.used(entry);
    return true;
  }

  /** How many tokens of a text a state gives that has these. One that cannot be taken back gives all of them or none. */
  #usable(tokens: ArrayLike<number>, text: ArrayLike<number>): number {
    const common = commonLength(tokens, text);
    return this.#options.sequence.needsCheckpoints && common < tokens.length ? 0 : common;
  }

  /** How many tokens of a text need not be evaluated as they are in memory. */
  #inMemory(text: ArrayLike<number>): number {
    const { sequence } = this.#options;
    const common = commonLength(sequence.contextTokens, text);
    return common - Math.max(0, sequence.getRestoreToPrefixIndexEvaluationSize(common));
  }
}

function commonLength(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length += 1;
  return length;
}
