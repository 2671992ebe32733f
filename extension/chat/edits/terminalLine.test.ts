import { expect, test } from "vitest";
import { asOneLine } from "./terminalLine.js";

test.each([
  ["npm test\n", "npm test"],
  ["$ npm test\n", "npm test"],
  ["# Build it.\nmake\nmake test\n", "make && make test"],
  ["docker run \\\n  --rm \\\n  a\n", "docker run --rm a"],
  ["echo \u0003a\u001b[A\rrm b", "echo a[A && rm b"],
])("%j becomes %j", (code, line) => {
  expect(asOneLine(code)).toBe(line);
});

test.each(["if a; then\n  b\nfi\n", "cat <<EOF\na\nEOF\n", "echo 'a\nb'\n", "for i in 1 2; do\n echo\ndone"])(
  "%j is more than a line",
  (code) => {
    expect(asOneLine(code)).toBeUndefined();
  },
);
