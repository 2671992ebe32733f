import { describe, expect, test } from "vitest";
import { applyBlock } from "./apply.js";
import { readCases } from "./goldenCases.js";

describe("cases", () => {
  test.each(readCases().map((each) => [each.name, each] as const))("%s", (_, { result, ...request }) => {
    const applied = applyBlock(request);
    if (result === undefined) expect(applied).toEqual({ refused: expect.stringMatching(/^[A-Z].*\.$/s) });
    else expect("text" in applied ? applied.text : applied.refused).toBe(result);
  });
});
