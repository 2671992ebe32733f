import type { Token } from "node-llama-cpp";
import { describe, expect, test } from "vitest";
import { Speculation, Worth } from "./speculation.js";

const tokens = (...ids: number[]) => ids as Token[];

describe("guessing", () => {
  test("what followed the same words in the prompt", () => {
    let now = 0;
    const speculation = new Speculation(3, () => now);
    speculation.reset({ stateTokens: tokens(1, 2, 3, 4, 5, 6, 9, 2, 3) });
    // The first pass is plain: it tells what the others are measured against.
    expect(speculation.predictTokens()).toEqual([]);
    now = 10;
    speculation.pushTokens(tokens(4));
    expect(speculation.predictTokens()).toEqual([5, 6, 9]);
    now = 20;
    speculation.pushTokens(tokens(7));
    expect(speculation.predictTokens()).toEqual([]);
  });

  test("starts anew with another prompt", () => {
    const speculation = new Speculation(2, () => 0);
    speculation.reset({ stateTokens: tokens(1, 2, 3, 1) });
    speculation.predictTokens();
    speculation.pushTokens(tokens(2));
    expect(speculation.predictTokens()).toEqual([3]);
    speculation.reset({ stateTokens: tokens(7, 8, 9, 7) });
    speculation.pushTokens(tokens(2));
    expect(speculation.predictTokens()).toEqual([]);
  });
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
