/** As git does: a NUL this early means that a file is not text. */
const looksAt = 8000;

/** Bytes of a file as text; undefined where they are none, or not in UTF-8 or, with a byte-order mark, UTF-16. */
export function decodeText(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  const utf16 =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : undefined;
  if (utf16 === undefined && bytes.subarray(0, looksAt).includes(0)) return undefined;
  try {
    return new TextDecoder(utf16 ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
