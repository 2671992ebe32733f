import { expect, test } from "vitest";
import { decodeText } from "./decode.js";

test("text is UTF-8, or UTF-16 with a mark at its beginning", () => {
  expect(decodeText(Buffer.from("ä😀"))).toBe("ä😀");
  expect(decodeText(Buffer.from("\ufeffa", "utf8"))).toBe("a");
  expect(decodeText(Buffer.from("\ufeffä", "utf16le"))).toBe("ä");
  expect(decodeText(new Uint8Array())).toBe("");
});

test("what holds a NUL or is not well-formed is binary", () => {
  expect(decodeText(Buffer.from("\x89PNG\0\0"))).toBeUndefined();
  expect(decodeText(Buffer.from([0x61, 0xff, 0x62]))).toBeUndefined();
});
