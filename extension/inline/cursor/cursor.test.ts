import { expect, test } from "vitest";
import { cursorAt } from "./cursor.js";

/** `|` marks the cursor. */
function at(marked: string) {
  return cursorAt(marked.replace("|", ""), marked.indexOf("|"));
}

test("splits the text at the cursor", () => {
  expect(at("const a = |;\nconst b = 2;")).toMatchObject({
    prefix: "const a = ",
    suffix: ";\nconst b = 2;",
    lineBefore: "const a = ",
    lineAfter: ";",
    singleLine: false,
    lineEnd: "\n",
  });
});

test("text after the cursor makes it a single line", () => {
  expect(at("call(|, other)")?.singleLine).toBe(true);
  expect(at("call(|)")?.singleLine).toBe(false);
});

test.each(["con|st a", "при|вет", "变|量", "na|ïve", "नम|स्ते", "snake|_case", "x|1"])(
  "nothing inside a word: %s",
  (text) => {
    expect(at(text)).toBeUndefined();
  },
);

test("nothing in an empty file", () => expect(at(" \n|")).toBeUndefined());

test("a long file is cut to the lines around the cursor, and a long line to what is near", () => {
  const lines = "line\n".repeat(1000);
  const cursor = at(`${lines}here|\n${lines}`);
  expect(cursor?.prefix.split("\n").length).toBeGreaterThan(192);
  expect(cursor?.prefix.split("\n").length).toBeLessThanOrEqual(256);
  expect(cursor?.suffix.split("\n")).toHaveLength(64);
  expect(at(`${"x".repeat(1e6)} |`)?.prefix.length).toBe(32_000);
});

test("the first line stays the same while lines are added, so that what was read of it can be kept", () => {
  const starts = Array.from({ length: 200 }, (_, i) => {
    const text = Array.from({ length: 600 + i }, (_, line) => `line ${line}`).join("\n");
    return at(`${text} |`)?.prefix.split("\n")[0];
  });
  expect(new Set(starts).size).toBeLessThanOrEqual(5);
});

test("line ends and indentation are the file's own", () => {
  expect(at("if a:\r\n  b |\r\n")).toMatchObject({ lineEnd: "\r\n", indentation: "  ", prefix: "if a:\n  b " });
  expect(at("if (a) {\n\tb |")?.indentation).toBe("\t");
  expect(at("if (a) {\n        b\n        |")?.indentation).toBe("        ");
  expect(cursorAt("a = ", 4, { indentation: "\t", lineEnd: "\r\n" })).toMatchObject({
    indentation: "\t",
    lineEnd: "\r\n",
  });
});
