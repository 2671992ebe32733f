import { expect, test } from "vitest";
import { formatAtLeast, formatSize, parseSize } from "./size.js";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

test.each([
  ["2300MiB", 2300 * MiB],
  ["4GiB", 4 * GiB],
  ["4G", 4 * GiB],
  ["4gb", 4 * GiB],
  ["512M", 512 * MiB],
  [" 1.5 GiB ", 1.5 * GiB],
  ["64k", 64 * 1024],
  ["1048576", MiB],
  ["1048576B", MiB],
  ["0", 0],
])("parses %j", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(["", "GiB", "4 GiBs", "-4G", "4X", "4Gi", "1e9", "4.G", "half", "99999999T", "4iB"])("refuses %j", (text) => {
  expect(parseSize(text)).toBeUndefined();
});

test.each([
  [5.4 * GiB, "5.4 GiB"],
  [768 * MiB, "768 MiB"],
  [4 * GiB, "4.0 GiB"],
  [GiB - 1, "1.0 GiB"],
  [0, "0 MiB"],
])("formats %d", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test.each([
  [0.2 * 1024 ** 2, "1 MiB"],
  [260 * 1024 ** 2 + 1, "261 MiB"],
  [2.81 * 1024 ** 3, "2.9 GiB"],
])("at least %d bytes is %s", (bytes, text) => {
  expect(formatAtLeast(bytes)).toBe(text);
});
