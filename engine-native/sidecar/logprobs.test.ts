import type { LlamaModel, Token } from "node-llama-cpp";
import { expect, test } from "vitest";
import { checkLikeliest, Logprobs } from "./logprobs.js";

const words = ["a", "b", "Ġc", "}", "}Ċ", "stop"];
const model = {
  fileInfo: { metadata: { tokenizer: { ggml: { model: "gpt2", tokens: words } } } },
} as unknown as LlamaModel;
const token = (word: string) => words.indexOf(word) as Token;

/** An answer of which these words were drawn. */
function drawing(...drawn: string[]): Logprobs {
  const logprobs = new Logprobs(model, 1);
  for (const [index, word] of drawn.entries()) {
    logprobs.add({ token: token(word), logprob: 0 - index, top: [[token("a"), -0.5]] });
  }
  return logprobs;
}
const told = (logprobs: Logprobs) => logprobs.told.map(({ text, logprob }) => [text, logprob]);

test("each text takes the tokens that have come since the one before", () => {
  const logprobs = drawing("a", "Ġc", "b");
  logprobs.come([token("a"), token("Ġc")]);
  expect(logprobs.take()).toMatchObject([
    { text: "a", bytes: [97], logprob: 0, top: [{ text: "a", logprob: -0.5 }] },
    { text: " c", bytes: [32, 99], logprob: -1 },
  ]);
  expect(logprobs.take()).toEqual([]);
  logprobs.come([token("b")]);
  logprobs.take();
  expect(told(logprobs)).toEqual([
    ["a", 0],
    [" c", -1],
    ["b", -2],
  ]);
});

test("what was drawn and never came is left out, as is what was given instead", () => {
  const logprobs = drawing("stop", "a", "b");
  logprobs.come([token("a"), token("}"), token("b")]);
  logprobs.take();
  expect(told(logprobs)).toEqual([
    ["a", -1],
    ["b", -2],
  ]);
});

test("what is not told has none", () => {
  const logprobs = drawing("a", "b");
  logprobs.come([token("a")]);
  logprobs.forget();
  logprobs.come([token("b")]);
  logprobs.take();
  expect(told(logprobs)).toEqual([["b", -1]]);
});

test("the last token may come as its beginning", () => {
  const logprobs = drawing("a", "}Ċ");
  logprobs.come([token("a"), token("}")]);
  logprobs.take();
  expect(told(logprobs)).toEqual([
    ["a", 0],
    ["}\n", -1],
  ]);
});

test("tokens after the place where the answer ends are left out", () => {
  const logprobs = drawing("a", "Ġc", "b");
  logprobs.come([token("a"), token("Ġc"), token("b")]);
  // " c" is begun.
  logprobs.take("a ");
  expect(told(logprobs)).toEqual([
    ["a", 0],
    [" c", -1],
  ]);
});

test("what could not come at all is a number in JSON", () => {
  const logprobs = new Logprobs(model, 0);
  logprobs.add({ token: token("a"), logprob: Number.NEGATIVE_INFINITY, top: [] });
  logprobs.come([token("a")]);
  expect(logprobs.take()).toMatchObject([{ logprob: -9999 }]);
});

test("the likeliest of a whole vocabulary are refused", () => {
  const refused = (...given: Parameters<typeof checkLikeliest>) => {
    try {
      checkLikeliest(...given);
      return false;
    } catch {
      return true;
    }
  };
  expect(refused({ logprobs: 2 }, true)).toBe(true);
  expect(refused({ logprobs: 2, temperature: 1, topK: 0 }, false)).toBe(true);
  expect(refused({ logprobs: 2, temperature: 1, topK: 1001 }, false)).toBe(true);
  expect(refused({ logprobs: 0 }, true)).toBe(false);
  expect(refused({ logprobs: 2 }, false)).toBe(false);
  expect(refused({ logprobs: 2, topK: 0 }, false)).toBe(false);
  expect(refused({ logprobs: 2, temperature: 1 }, true)).toBe(false);
});
