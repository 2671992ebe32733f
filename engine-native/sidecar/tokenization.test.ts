import { expect, test } from "vitest";
import { countTokens, leastTokens, pieces, tokenize, type Vocabulary } from "./tokenization.js";

/** A vocabulary of words of at most 8 letters, and of all other characters. */
function vocabulary(): Vocabulary & { read: number } {
  const model = {
    read: 0,
    tokenize: (text: string) => {
      model.read += text.length;
      return (text.match(/\w{1,8}|\W/gu) ?? []).map((_, index) => index);
    },
    fileInfo: { metadata: { tokenizer: { ggml: { tokens: ["▁▁▁▁", "abcdefgh"] } } } },
  };
  return model as unknown as Vocabulary & { read: number };
}

test.each([
  ["lines", "let a = 1;\n\n  return a;\n".repeat(40), /\n$/],
  ["words without line ends", "some words ".repeat(80), /\S$/],
  ["one word", "a".repeat(700), /a$/],
])("a text of %s is cut where no token is", (_, text, end) => {
  const all = [...pieces(text, 100)];
  expect(all.join("")).toBe(text);
  expect(all.length).toBeGreaterThan(5);
  for (const piece of all.slice(0, -1)) {
    expect(piece.length).toBeGreaterThan(49);
    expect(piece.length).toBeLessThanOrEqual(100);
    expect(piece).toMatch(end);
  }
});

test("a character is not cut in two", () => {
  for (const piece of pieces("😀".repeat(99), 15)) expect(piece).toMatch(/^(😀)+$/u);
});

test("a text that cannot fit is refused by its length, unread", async () => {
  const model = vocabulary();
  const text = "a".repeat(50_000_000);
  expect(leastTokens(model, text)).toBe(6_250_000);
  await expect(tokenize(model, text, 4096)).rejects.toThrow(
    "The prompt has 6,250,000 tokens or more, the context 4,096. Shorten it or use a larger context.",
  );
  expect(await countTokens(model, text, { most: 4096 })).toBeGreaterThan(4096);
  expect(model.read).toBe(0);
});

test("one that turns out to be too long is not read to its end", async () => {
  const model = vocabulary();
  const text = "a, b\n".repeat(100_000);
  await expect(tokenize(model, text, 100_000)).rejects.toThrow(/tokens or more, the context 100,000/);
  expect(model.read).toBeLessThan(text.length / 2);
});

test("other work is done between two pieces, and an abort ends it", async () => {
  const model = vocabulary();
  const text = "a, b\n".repeat(100_000);
  const controller = new AbortController();
  const counted = countTokens(model, text, { signal: controller.signal });
  setImmediate(() => controller.abort());
  await expect(counted).rejects.toThrow();
  expect(model.read).toBeLessThan(text.length / 2);
  expect(await countTokens(model, text)).toBe(500_000);
});
