/** The native tests for Windows, in wine. */
import path from "node:path";
import { expect, test } from "vitest";
import { startWindows, windowsLibraries, windowsNativeTests, windowsPath } from "../support/wine.js";

/**
 * What differs between systems, and one case of each kind of arithmetic: in wine all of them take most of an hour.
 * Without what times or counts the machine, and what node-llama-cpp's release for Windows does not know yet.
 */
const wanted = [
  ...["reader:", "queue", "plan:", "model:", "experts:", "header:", "store", "skeleton:", "api:"],
  ...["checksums", "window", "reads merge", "neurons' rows", "short rows"],
  ...["from memory: q4_0", "from memory: q4_K", "from memory: mixture", "at a time: q4_K", "a split model"],
  ...["-jais2", "-less than a second", "-each of the corpus"],
];

test("native tests", async () => {
  const env = { WINEPATH: windowsPath(windowsLibraries()) };
  const run = await startWindows(path.join(windowsNativeTests(), "flint-native-tests.exe"), wanted, env);
  const { stdout, stderr, status } = await run.ended;
  const lines = stdout.split(/\r?\n/);
  const passed = lines.filter((line) => line.startsWith("ok "));
  expect(
    lines.filter((line) => line.startsWith("FAILED")),
    stdout + stderr,
  ).toEqual([]);
  expect(passed.length).toBeGreaterThan(60);
  expect(status).toBe(0);
});
