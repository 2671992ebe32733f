import { expect, test } from "vitest";
import { problemsText } from "./problemsText.js";

test("a line for each problem, the errors first", () => {
  const at = { path: "src/a.ts", column: 5 } as const;
  expect(
    problemsText([
      { ...at, line: 9, severity: "warning", message: "Unused.", source: "eslint no-unused" },
      { ...at, line: 7, severity: "error", message: "Wrong type.\n  Really." },
      { ...at, line: 2, severity: "error", message: "No such name.", source: "ts 2304" },
    ]),
  ).toBe(
    [
      "src/a.ts:2:5: error: No such name. [ts 2304]",
      "src/a.ts:7:5: error: Wrong type.\n  Really.",
      "src/a.ts:9:5: warning: Unused. [eslint no-unused]",
    ].join("\n"),
  );
});
