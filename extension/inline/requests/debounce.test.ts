import { expect, test } from "vitest";
import { Debounce } from "./debounce.js";

/** After a hundred keys at this interval and as many answers that took so long, right after a key. */
function waitOf(intervalMs: number, latencyMs: number, answering = false): number {
  const debounce = new Debounce();
  for (let i = 1; i <= 100; i++) {
    debounce.keyPressed(i * intervalMs);
    debounce.answered(latencyMs);
  }
  return debounce.wait(100 * intervalMs, answering);
}

test("a slow model is asked at once, a fast one when the next key is late, a very fast one soon", () => {
  expect(waitOf(150, 600)).toBe(0);
  expect(waitOf(150, 150)).toBeCloseTo(130);
  expect(waitOf(200, 150)).toBeCloseTo(190);
  expect(waitOf(150, 30)).toBeCloseTo(60);
  expect(waitOf(200, 30)).toBeCloseTo(60);
});

test("while somebody waits for an answer, even a slow model is asked when the next key may be late", () => {
  expect(waitOf(150, 600, true)).toBeCloseTo(187.5);
  expect(waitOf(150, 30, true)).toBeCloseTo(187.5);
  expect(waitOf(600, 400, true)).toBe(300);
});

test("it is never long, and pauses do not count as typing", () => {
  expect(waitOf(600, 400)).toBe(300);
  const debounce = new Debounce();
  debounce.keyPressed(1000);
  const before = debounce.wait(1000);
  debounce.keyPressed(100_000);
  expect(debounce.wait(100_000)).toBe(before);
});

test("what has passed since the key counts", () => {
  const debounce = new Debounce();
  debounce.keyPressed(1000);
  expect(debounce.wait(1010)).toBe(debounce.wait(1000) - 10);
  expect(debounce.wait(5000)).toBe(0);
});
