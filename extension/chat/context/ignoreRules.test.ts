import { expect, test } from "vitest";
import { ignoreRules } from "./ignoreRules.js";

test("each folder's rules count below it, and before those above", () => {
  const ignored = ignoreRules([
    { folder: "", text: "*.log\n/build\nsecret.*" },
    { folder: "packages/a", text: "!secret.md\ngenerated/\n" },
  ]);
  expect(
    ["a.log", "packages/b.log", "build/x.js", "secret.txt", "packages/a/generated/b/c.ts"].filter(
      (path) => !ignored(path),
    ),
  ).toEqual([]);
  expect(["a.ts", "packages/build/x.js", "packages/a/secret.md", "generated/c.ts"].filter(ignored)).toEqual([]);
});

test("without rules nothing is ignored", () => {
  expect(ignoreRules([])("a.log")).toBe(false);
});
