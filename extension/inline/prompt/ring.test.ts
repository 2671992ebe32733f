import { expect, test } from "vitest";
import { ContextRing } from "./ring.js";

const code = (name: string, lines = 5) => Array.from({ length: lines }, (_, i) => `${name} line ${i}`).join("\n");

function ringOf(...chunks: [string, string, number?][]) {
  const ring = new ContextRing();
  for (const chunk of chunks) ring.add(...chunk);
  ring.settle();
  return ring;
}

test("what comes in waits for a pause, and keeps its place", () => {
  const ring = ringOf(["a.ts", code("a")], ["b.ts", code("b")]);
  ring.add("c.ts", code("c"));
  expect(ring.hasNews).toBe(true);
  expect(ring.filesFor("x.ts").map(({ name }) => name)).toEqual(["a.ts", "b.ts"]);
  ring.settle();
  expect(ring.hasNews).toBe(false);
  ring.add("a.ts", code("a"));
  expect(ring.hasNews).toBe(false);
  ring.settle();
  expect(ring.filesFor("x.ts").map(({ name }) => name)).toEqual(["a.ts", "b.ts", "c.ts"]);
});

test("the file that is completed is not told as another one", () => {
  expect(ringOf(["a.ts", code("a")], ["b.ts", code("b")]).filesFor("a.ts")).toHaveLength(1);
});

test("similar chunks leave, and so do the oldest", () => {
  const ring = ringOf(["a.ts", code("a", 30)], ["copy.ts", code("a", 31)]);
  expect(ring.filesFor("").map(({ name }) => name)).toEqual(["copy.ts"]);
  for (let i = 0; i < 20; i++) {
    ring.add(`${i}.ts`, code(`${i}`));
    ring.settle();
  }
  expect(ring.filesFor("")).toHaveLength(16);
  expect(ring.filesFor("")[0]?.name).toBe("4.ts");
});

test("of a long file the lines around the place are taken", () => {
  const [chunk] = ringOf(["a.ts", code("a", 500), 250]).filesFor("");
  expect(chunk?.text.split("\n")).toHaveLength(64);
  expect(chunk?.text).toContain("a line 250\n");
});

test("secrets stay where they are", () => {
  const [chunk] = ringOf([".env", code("a")], ["a.ts", `${code("a")}\npassword = "abcd1234efgh"`]).filesFor("");
  expect(chunk).toMatchObject({ name: "a.ts", text: code("a") });
});
