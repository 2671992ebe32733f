import { expect, test } from "vitest";
import { fuzzyFiles } from "./fuzzyFiles.js";

test("letters in their order are enough, and the name counts more than the folders", () => {
  const files = ["src/main.ts", "src/mains/other.ts", "test/main.test.ts", "docs/a.md"].map((path) => ({ path }));
  const paths = (query: string, most = 10) => fuzzyFiles(files, query, most).map(({ path }) => path);
  expect(paths("main")[0]).toBe("src/main.ts");
  expect(paths("srmnts")).toContain("src/main.ts");
  expect(paths("main", 1)).toHaveLength(1);
  expect(paths("xyz")).toEqual([]);
});
