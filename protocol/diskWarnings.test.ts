import { expect, test } from "vitest";
import { slowDisk } from "./diskWarnings.js";

const measured = {
  diskBytesPerSecond: 3e9,
  computeBytesPerSecond: 30e9,
  checkBytesPerSecond: 60e9,
  usedBytesPerToken: 4e9,
  readBytesPerToken: 2e9,
};
const gibibyte = 2 ** 30;

test("a disk that gives a small part of what it gave is told, with both figures", () => {
  const words = slowDisk(
    { ...measured, diskBytesPerSecond: 3 * gibibyte },
    { readBytes: 9e9, diskBytesPerSecond: 0.3 * gibibyte },
  );
  expect(words).toMatch(/^the disk is slow: 307 MiB\/s, 3\.0 GiB\/s when the model was loaded/);
});
test.each([
  ["half as fast as before", measured, { readBytes: 9e9, diskBytesPerSecond: 1.5e9 }],
  ["asked for next to nothing", measured, { readBytes: 1e6, diskBytesPerSecond: 1e6 }],
  ["not asked at all", measured, { readBytes: 0 }],
  ["never measured", undefined, { readBytes: 9e9, diskBytesPerSecond: 1e6 }],
])("nothing is said of a disk that is %s", (_, before, now) => expect(slowDisk(before, now)).toBeUndefined());
