import { expect, test } from "vitest";
import { PromptAnchor } from "./anchor.js";

const spot = (prefix: string, suffix = "\nend", file = "a.ts") => ({ file, prefix, suffix });

test("prefix and suffix stay the same while lines are typed", () => {
  const anchor = new PromptAnchor();
  expect(anchor.split(spot("one\ntwo = "))).toEqual({ prefix: "one\n", middle: "two = " });
  expect(anchor.split(spot("one\ntwo = 2;\nthree"))).toEqual({ prefix: "one\n", middle: "two = 2;\nthree" });
  expect(anchor.split(spot("one\ntw"))).toEqual({ prefix: "one\n", middle: "tw" });
});

test("another place, other text after the cursor or another file begins anew", () => {
  const anchor = new PromptAnchor();
  anchor.split(spot("one\ntwo"));
  expect(anchor.split(spot("one\ntwo\nx", "\nother")).middle).toBe("x");
  expect(anchor.split(spot("on", "\nother"))).toEqual({ prefix: "", middle: "on" });
  anchor.split(spot("one\ntwo"));
  expect(anchor.split(spot("one\ntwo\nx", "\nend", "b.ts")).middle).toBe("x");
});

test("a long middle becomes prefix, sooner when there is time", () => {
  const anchor = new PromptAnchor();
  const lines = "a line of text\n".repeat(20);
  anchor.split(spot("x"));
  expect(anchor.split(spot(`x${lines}y`)).middle).toBe(`x${lines}y`);
  expect(anchor.split(spot(`x${lines}y`), true).middle).toBe("y");
  anchor.split(spot("x"));
  expect(anchor.split(spot(`x${"line\n".repeat(400)}y`)).middle).toBe("y");
});
