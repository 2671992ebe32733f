import { expect, test } from "vitest";
import { attach, type Excerpt, withAttachment } from "./attachment.js";

const fileOf = (lines: string[]): Excerpt => ({
  name: "main.ts",
  language: "typescript",
  lineCount: lines.length,
  line: (index) => lines[index] ?? "",
});
const file = fileOf(["let a = 1;", "let b = 2;", "", "a + b;", ""]);

test("takes the whole file where nothing is selected", () => {
  expect(attach(file, 1000)).toEqual({
    label: "main.ts",
    language: "typescript",
    text: "let a = 1;\nlet b = 2;\n\na + b;",
  });
});

test("takes the lines that are selected, and names them", () => {
  expect(attach({ ...file, selection: { first: 1, last: 3 } }, 1000)).toMatchObject({
    label: "main.ts 2–4",
    text: "let b = 2;\n\na + b;",
  });
  expect(attach({ ...file, selection: { first: 3, last: 3 } }, 1000)?.label).toBe("main.ts 4");
});

test("takes whole lines as far as they fit, and says how far", () => {
  expect(attach(file, 25)).toMatchObject({ label: "main.ts 1–3", text: "let a = 1;\nlet b = 2;" });
  expect(attach(file, 5)).toBeUndefined();
});

test("there is nothing to attach of an empty file", () => {
  expect(attach(fileOf(["", "  "]), 1000)).toBeUndefined();
});

test("code that holds a fence is fenced by a longer one", () => {
  const text = withAttachment("Why?", { label: "a.md", language: "markdown", text: "````\ncode\n````" });
  expect(text).toBe("a.md:\n\n`````markdown\n````\ncode\n````\n`````\n\nWhy?");
  expect(withAttachment("Why?", undefined)).toBe("Why?");
});
