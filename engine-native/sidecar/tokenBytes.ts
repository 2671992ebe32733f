/** What a token stands for, by the vocabulary: of a character that takes several tokens each is some of its bytes. */
import type { LlamaModel, Token } from "node-llama-cpp";

/** Types of tokens in a file, as llama.cpp numbers them: their text is written as it is. */
const written: readonly number[] = [3, 4];

/** @returns bytes of UTF-8 */
export function tokenBytes(model: Pick<LlamaModel, "detokenize" | "fileInfo">, token: Token): number[] {
  const { ggml } = model.fileInfo.metadata.tokenizer;
  const text = ggml.tokens[token];
  if (text === undefined) return utf8(model.detokenize([token], true));
  if (written.includes(ggml.token_type?.[token] ?? 0)) return utf8(text);
  switch (ggml.model) {
    case "gpt2":
      return [...text].flatMap((character) => byteOf.get(character) ?? utf8(character));
    case "llama": {
      const byte = /^<0x([0-9A-F]{2})>$/.exec(text)?.[1];
      return byte === undefined ? utf8(text.replaceAll("▁", " ")) : [Number.parseInt(byte, 16)];
    }
    default:
      return utf8(model.detokenize([token], true));
  }
}

const utf8 = (text: string): number[] => [...Buffer.from(text)];

/** GPT-2 writes each byte as a character that can be seen: those that can by themselves, the others from U+0100 on. */
const byteOf: ReadonlyMap<string, number> = new Map(
  (() => {
    const bytes = Array.from({ length: 256 }, (_, byte) => byte);
    const isSeen = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    const hidden = bytes.filter((byte) => !isSeen(byte));
    return bytes.map((byte) => [String.fromCodePoint(isSeen(byte) ? byte : 256 + hidden.indexOf(byte)), byte]);
  })(),
);
