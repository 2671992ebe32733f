import { expect, test } from "vitest";
import { nearSuffix } from "./nearSuffix.js";

test.each([
  ["", ""],
  [");\nb();\n", ");\nb();\n"],
  ["\n1\n2\n3\n4\n5\n6\n7", "\n1\n2"],
  [`\n${"x".repeat(150)}\n${"y".repeat(200)}`, `\n${"x".repeat(150)}`],
  ["x".repeat(1000), "x".repeat(200)],
])("%j", (suffix, near) => expect(nearSuffix(suffix)).toBe(near));
