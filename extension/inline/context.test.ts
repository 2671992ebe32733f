import { expect, test } from "vitest";
import { inlineContext, suggestion } from "./context.js";

/** `|` marks the cursor. */
function at(marked: string) {
  return inlineContext(marked.replace("|", ""), marked.indexOf("|"));
}

test("splits the text at the cursor", () => {
  expect(at("const a = |;\nconst b = 2;")).toEqual({
    prefix: "const a = ",
    suffix: ";\nconst b = 2;",
    singleLine: false,
  });
});

test("text after the cursor makes it a single line", () => {
  expect(at("call(|, other)")?.singleLine).toBe(true);
  expect(at("call(|)")?.singleLine).toBe(false);
});

test("nothing inside a word or in an empty file", () => {
  expect(at("con|st a")).toBeUndefined();
  expect(at(" \n|")).toBeUndefined();
});

test("a long file is cut to the lines around the cursor, and a long line to what is near", () => {
  const lines = "line\n".repeat(1000);
  const context = at(`${lines}here|\n${lines}`);
  expect(context?.prefix.split("\n")).toHaveLength(64);
  expect(context?.suffix.split("\n")).toHaveLength(16);
  expect(at(`${"x".repeat(1e6)} |`)?.prefix.length).toBe(8000);
});

const context = { prefix: "", suffix: "\nreturn a;", singleLine: false };

test("suggests what the model wrote, without trailing blanks", () => {
  expect(suggestion("a + b;\n\n", context)).toBe("a + b;");
  expect(suggestion("a,\nb", { ...context, singleLine: true })).toBe("a,");
});

test("suggests nothing that is empty or there already", () => {
  expect(suggestion(" \n", context)).toBeUndefined();
  expect(suggestion("return a;", context)).toBeUndefined();
});
