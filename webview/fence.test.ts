import { expect, test } from "vitest";
import { parseFenceInfo } from "./fence.js";

test.each([
  ["", { language: "" }],
  ["ts", { language: "ts" }],
  ["c++", { language: "c++" }],
  ["ts src/a.ts", { language: "ts", path: "src/a.ts" }],
  ["ts:src/a.ts", { language: "ts", path: "src/a.ts" }],
  ['ts title="src/my file.ts"', { language: "ts", path: "src/my file.ts" }],
  ["python file=a.py", { language: "python", path: "a.py" }],
  ["src/a.ts", { language: "ts", path: "src/a.ts" }],
  ["js {1,3-4}", { language: "js" }],
  ["jsx{1}", { language: "jsx" }],
  ["ts (src/a.ts)", { language: "ts", path: "src/a.ts" }],
  ["make Makefile", { language: "make" }],
])("%j", (info, expected) => {
  expect(parseFenceInfo(info)).toEqual(expected);
});
