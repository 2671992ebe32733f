import { expect, test } from "vitest";
import { rankFiles } from "./rankFiles.js";

test("what is open comes first, then source near the folder, manifests, and last what programs wrote", () => {
  const paths = [
    "src/dist/a.js",
    "src/package-lock.json",
    "src/README.md",
    "src/deep/er/a.ts",
    "src/b.ts",
    "src/a.ts",
    "src/deep/open.ts",
    "src/a.min.js",
  ];
  const ranked = rankFiles(
    paths.map((path) => ({ path })),
    new Set(["src/deep/open.ts"]),
  );
  expect(ranked.map(({ path }) => path)).toEqual([
    "src/deep/open.ts",
    "src/a.ts",
    "src/b.ts",
    "src/deep/er/a.ts",
    "src/README.md",
    "src/a.min.js",
    "src/package-lock.json",
    "src/dist/a.js",
  ]);
});
