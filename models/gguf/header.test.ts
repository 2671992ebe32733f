import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DownloadError } from "../errors.js";
import { architectureOf, headerLength, longestHeader } from "./header.js";

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: bigint | number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
};
const text = (value: string) => Buffer.concat([u64(value.length), Buffer.from(value)]);
const head = (tensors: bigint | number, values: bigint | number, version = 3) =>
  Buffer.concat([Buffer.from("GGUF"), u32(version), u64(tensors), u64(values)]);
const tensor = (name: string, dimensions: (bigint | number)[], offset: bigint | number = 0) =>
  Buffer.concat([text(name), u32(dimensions.length), ...dimensions.map(u64), u32(0), u64(offset)]);

const valid = Buffer.concat([
  head(2, 4),
  ...[text("general.architecture"), u32(8), text("llama")],
  ...[text("general.alignment"), u32(4), u32(32)],
  ...[text("tokenizer.ggml.tokens"), u32(9), u32(8), u64(3), text("a"), text(""), text("ccc")],
  ...[text("tokenizer.ggml.scores"), u32(9), u32(6), u64(3), u32(0), u32(0), u32(0)],
  ...[tensor("token_embd.weight", [8, 3]), tensor("output.weight", [8, 3], 96)],
]);

test("the length is told when the beginning reaches it, and not before", () => {
  const file = Buffer.concat([valid, Buffer.alloc(1000)]);
  for (let length = 0; length <= file.length; length++) {
    expect(headerLength(file.subarray(0, length), file.length)).toBe(length < valid.length ? undefined : valid.length);
  }
});

test("a file that ends within its header is refused", () => {
  expect(() => headerLength(valid.subarray(0, 50), 50)).toThrow(/ends within its header/);
});

const huge = 2n ** 60n;
test("the architecture is told, also from the first bytes, and only of a header", () => {
  expect(architectureOf(valid)).toBe("llama");
  expect(architectureOf(valid.subarray(0, 80))).toBe("llama");
  expect(architectureOf(Buffer.concat([head(0, 1), text("general.architecture"), u32(4), u32(7)]))).toBeUndefined();
  for (const other of [valid.subarray(0, 40), Buffer.from("<!DOCTYPE html><html>"), Buffer.alloc(0), head(0, huge)]) {
    expect(architectureOf(other)).toBeUndefined();
  }
});

test.each<[string, Buffer, RegExp]>([
  ["a web page", Buffer.from("<!DOCTYPE html><html>"), /begins with “<!DOCTYPE html>”: perhaps a web page/],
  ["an old version", head(0, 0, 1), /version 1/],
  ["a big-endian version", head(0, 0, 0x03000000), /version 50331648/],
  ["countless tensors", head(huge, 0), /number of tensors/],
  ["countless values", head(0, huge), /number of values/],
  ["a negative number of tensors", head(-1n, 0), /number of tensors/],
  ["a name without end", Buffer.concat([head(0, 1), u64(huge)]), /length of a name/],
  ["a string without end", Buffer.concat([head(0, 1), text("k"), u32(8), u64(huge)]), /length of a value/],
  ["a string of 200 MB", Buffer.concat([head(0, 1), text("k"), u32(8), u64(200 << 20)]), /length of a value/],
  ["an array without end", Buffer.concat([head(0, 1), text("k"), u32(9), u32(10), u64(huge)]), /length of an array/],
  [
    "an array whose size overflows",
    Buffer.concat([head(0, 1), text("k"), u32(9), u32(10), u64(2n ** 61n)]),
    /length of an array/,
  ],
  ["an array of 200 MB", Buffer.concat([head(0, 1), text("k"), u32(9), u32(10), u64(25 << 20)]), /length of an array/],
  ["strings without end", Buffer.concat([head(0, 1), text("k"), u32(9), u32(8), u64(25 << 20)]), /length of an array/],
  ["arrays in arrays", Buffer.concat([head(0, 1), text("k"), u32(9), u32(9), u64(1)]), /unknown type 9/],
  ["an unknown type", Buffer.concat([head(0, 1), text("k"), u32(77)]), /unknown type 77/],
  ["five dimensions", Buffer.concat([head(1, 0), tensor("t", [1, 1, 1, 1, 1])]), /5 dimensions/],
  ["no elements", Buffer.concat([head(1, 0), tensor("t", [8, 0])]), /shape/],
  ["a negative dimension", Buffer.concat([head(1, 0), tensor("t", [-8n])]), /dimension/],
  [
    "a shape that overflows",
    Buffer.concat([head(1, 0), tensor("t", [2n ** 31n, 2n ** 31n, 2n ** 31n])]),
    /shape does not fit/,
  ],
  ["an offset beyond the file", Buffer.concat([head(1, 0), tensor("t", [8], 1_000_001)]), /offset/],
  ["a negative offset", Buffer.concat([head(1, 0), tensor("t", [8], -32n)]), /offset/],
])("%s is refused at once, with the reason", (_, bytes, reason) => {
  const began = performance.now();
  expect(() => headerLength(bytes, 1_000_000)).toThrow(reason);
  expect(performance.now() - began).toBeLessThan(1000);
});

test("the longest header is looked through", () => {
  const token = text("x");
  const count = Math.floor((longestHeader - 1000) / token.length);
  const bytes = Buffer.concat([head(0, 1), text("k"), u32(9), u32(8), u64(count), Buffer.alloc(count * 9)]);
  for (let i = 0, at = bytes.length - count * 9; i < count; i++, at += 9) bytes.writeUInt32LE(1, at);
  expect(headerLength(bytes)).toBe(bytes.length);
}, 60_000);

/** As fuzz.cpp changes them, whose corpus this is. */
const oddNumbers = [0n, 1n, 8n, 9n, 31n, 0x7fn, 0xffffn, 2n ** 31n, 2n ** 32n, huge, 2n ** 61n, 2n ** 63n, -1n, -32n];
const changes = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("flip" as const), at: fc.nat(), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant("number" as const), at: fc.nat(), value: fc.constantFrom(...oddNumbers) }),
    fc.record({ kind: fc.constant("erase" as const), at: fc.nat(), count: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ kind: fc.constant("repeat" as const), at: fc.nat(), count: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ kind: fc.constant("cut" as const), at: fc.nat() }),
  ),
  { minLength: 1, maxLength: 5 },
);

function changed(file: Buffer, list: typeof changes extends fc.Arbitrary<infer List> ? List : never): Buffer {
  let bytes = Buffer.from(file);
  for (const change of list) {
    const at = change.at % (bytes.length + 1);
    if (change.kind === "flip") bytes[at] = (bytes[at] ?? 0) ^ (1 << change.bit);
    else if (change.kind === "number") u64(change.value).copy(bytes, at);
    else if (change.kind === "cut") bytes = bytes.subarray(0, at);
    else {
      const kept = change.kind === "erase" ? at : Math.min(at + change.count, bytes.length);
      const next = change.kind === "erase" ? at + change.count : at;
      bytes = Buffer.concat([bytes.subarray(0, kept), bytes.subarray(next)]);
    }
  }
  return bytes;
}

const corpus = fileURLToPath(new URL("../../test/fixtures/corpus/", import.meta.url));
const names = readdirSync(corpus).filter((name) => name.endsWith(".gguf"));
const files = names.map((name) => readFileSync(`${corpus}${name}`));

test("the corpus is told from models as the engine tells it", () => {
  const read = names.filter((_, i) => {
    try {
      return headerLength(files[i] ?? Buffer.alloc(0), files[i]?.length) !== undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(DownloadError);
      return false;
    }
  });
  // What is no model for reasons that take more than the length of the header.
  const others = names.filter((name) =>
    /alike|alignment|architecture|epsilon|heads|layers|name-empty|other-shape|token-twice|usable/.test(name),
  );
  expect(read).toEqual(
    expect.arrayContaining(["converted.gguf", "dense.gguf", "experts.gguf", "split.gguf", ...others]),
  );
  expect(read).toHaveLength(4 + others.length);
});

test("whatever is damaged, it ends, and says nothing but that", () => {
  const damaged = fc.tuple(fc.constantFrom(...files, valid), changes);
  const property = fc.property(damaged, ([file, list]) => {
    const bytes = changed(file, list);
    for (const fileBytes of [bytes.length, 2 ** 40]) {
      try {
        const length = headerLength(bytes, fileBytes);
        if (length !== undefined) expect(length).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(DownloadError);
      }
    }
    const architecture = architectureOf(bytes);
    if (architecture !== undefined) expect(Buffer.byteLength(architecture)).toBeLessThanOrEqual(3 * bytes.length);
  });
  // Always the same, so that no unrelated change fails; another seed finds other headers.
  fc.assert(property, { numRuns: 50_000, seed: 1 });
}, 60_000);
