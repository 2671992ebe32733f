import { expect, test } from "vitest";
import { KeptOnBlanks } from "./keptOnBlanks.js";

const at = (lineBefore: string, line = 3) => ({ file: "a.ts", line, lineBefore });

test("a suggestion that has no more blanks is stale once one is typed before it", () => {
  const kept = new KeptOnBlanks();
  expect(kept.isStale(at("  "))).toBe(false);
  kept.shown(at("  "), ["/**"]);
  expect(kept.isStale(at("  "))).toBe(false);
  expect(kept.isStale(at("   "))).toBe(true);
  expect(kept.isStale(at("   ", 4))).toBe(false);
  // That is typed along or gone.
  expect(kept.isStale(at("  /"))).toBe(false);
  kept.shown(at("   "), []);
  expect(kept.isStale(at("    "))).toBe(false);
});

test("one that has the blanks stays", () => {
  const kept = new KeptOnBlanks();
  kept.shown(at(" "), [" /**"]);
  expect(kept.isStale(at("  "))).toBe(false);
  expect(kept.isStale(at("   "))).toBe(true);
});
