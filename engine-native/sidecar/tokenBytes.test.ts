import type { LlamaModel, Token } from "node-llama-cpp";
import { expect, test } from "vitest";
import { tokenBytes } from "./tokenBytes.js";

/** What each token of a vocabulary stands for. */
function bytesOf(model: string, tokens: readonly string[], types: readonly number[] = []) {
  const ggml = { model, tokens, token_type: types };
  const vocabulary = {
    fileInfo: { metadata: { tokenizer: { ggml } } },
    detokenize: ([token]: readonly Token[]) => `<${token}>`,
  } as unknown as LlamaModel;
  return tokens.map((_, token) => Buffer.from(tokenBytes(vocabulary, token as Token)));
}

test("tokens of bytes are those bytes, also where they are half a character", () => {
  const bytes = bytesOf("gpt2", ["def", "Ġa", "Ċ", "Ã", "¤", "<|im_end|>", "é Ġ"], [1, 1, 1, 1, 1, 3, 4]);
  expect(Buffer.concat(bytes.slice(0, 5)).toString()).toBe("def a\nä");
  expect(bytes[3]).toEqual(Buffer.from([0xc3]));
  // Written in the file as they are.
  expect(bytes.slice(5).map(String)).toEqual(["<|im_end|>", "é Ġ"]);
});

test("all 256 bytes have a token of their own", () => {
  const seen = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  const tokens = Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(seen(byte) ? byte : next++));
  expect(bytesOf("gpt2", tokens).map(([byte]) => byte)).toEqual(tokens.map((_, byte) => byte));
});

test("tokens of pieces have blanks and single bytes", () => {
  const bytes = bytesOf("llama", ["▁the", "<0xE4>", "s▁"]);
  expect(bytes).toEqual([Buffer.from(" the"), Buffer.from([0xe4]), Buffer.from("s ")]);
});

test("what another vocabulary writes is asked of it", () => {
  expect(bytesOf("bert", ["##s"]).map(String)).toEqual(["<0>"]);
});
