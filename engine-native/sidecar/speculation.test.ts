import type { Token } from "node-llama-cpp";
import { describe, expect, test } from "vitest";
import type { Plan } from "../../protocol/messages.js";
import { type Guesser, longestGuess, Speculation, Worth } from "./speculation.js";

/** Says the same each time. */
const fixed = (guess: Token[]): Guesser => ({
  reset: () => Promise.resolve(),
  push: () => undefined,
  guess: (maximumTokens) => Promise.resolve(guess.slice(0, maximumTokens)),
});

const tokens = (...ids: number[]) => ids as Token[];

describe("speculative decoding", () => {
  test("what followed the same words in the prompt", async () => {
    let now = 0;
    const speculation = new Speculation({ maximumTokens: 3, now: () => now });
    await speculation.reset(tokens(1, 2, 3, 4, 5, 6, 9, 2, 3));
    // The first pass is plain: it tells what the others are measured against.
    expect(await speculation.guess()).toEqual([]);
    now = 10;
    speculation.push(tokens(4));
    expect(await speculation.guess()).toEqual([5, 6, 9]);
    now = 20;
    speculation.push(tokens(7));
    expect(await speculation.guess()).toEqual([]);
  });

  test("starts anew with another prompt", async () => {
    const speculation = new Speculation({ maximumTokens: 2, now: () => 0 });
    await speculation.reset(tokens(1, 2, 3, 1));
    await speculation.guess();
    speculation.push(tokens(2));
    expect(await speculation.guess()).toEqual([3]);
    await speculation.reset(tokens(7, 8, 9, 7));
    speculation.push(tokens(2));
    expect(await speculation.guess()).toEqual([]);
  });
});

describe("a draft model", () => {
  const guess = async () => {
    const draft = fixed(tokens(7, 8, 9));
    const speculation = new Speculation({ maximumTokens: 2, draft, now: () => 0 });
    await speculation.reset(tokens(1, 2, 3, 1));
    await speculation.guess();
    speculation.push(tokens(2));
    const looked = await speculation.guess();
    speculation.push(tokens(5));
    return [looked, await speculation.guess()];
  };

  test("is asked where the prompt has nothing to offer, for no more than is wanted", async () =>
    expect(await guess()).toEqual([[3], [7, 8]]));
});

describe("how many tokens at once", () => {
  const at = (streamedBytes: number, checkBytesPerSecond: number) =>
    longestGuess({
      weights: { streamedBytes } as Plan["weights"],
      measured: {
        ...{ diskBytesPerSecond: 1e9, computeBytesPerSecond: 1e9, checkBytesPerSecond },
        ...{ usedBytesPerToken: 4e9, readBytesPerToken: 0 },
      },
    });

  test("as many as are computed while the disk gives a pass", () => expect(at(2e9, 8e9)).toBe(4));
  test("two where arithmetic is slow", () => expect(at(1e9, 1e9)).toBe(2));
  test("seven at most", () => expect(at(4e9, 80e9)).toBe(7));
});

describe("whether it pays", () => {
  const after = (guessedTokens: number, guessedMs: number) => {
    const worth = new Worth();
    for (let i = 0; i < 10; i++) {
      worth.add(true, guessedTokens, guessedMs);
      worth.add(false, 1, 100);
    }
    return worth.pays;
  };

  test("three tokens in the time of two", () => expect(after(3, 200)).toBe(true));
  test("not one token in the time of two", () => expect(after(1, 200)).toBe(false));
  test("no guess before a plain pass was measured", () => expect(new Worth().pays).toBe(false));

  test("what did not pay is tried again", () => {
    const worth = new Worth();
    for (let i = 0; i < 5; i++) {
      worth.add(true, 1, 200);
      worth.add(false, 1, 100);
    }
    const seen = new Set<boolean>();
    for (let i = 0; i < 40; i++) {
      seen.add(worth.pays);
      worth.add(worth.pays, 1, worth.pays ? 200 : 100);
    }
    expect(seen).toEqual(new Set([true, false]));
  });
});
