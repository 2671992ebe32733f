import { expect, test } from "vitest";
import { attach, attachmentLabel, type Excerpt, fitAttachments } from "./attachment.js";

const fileOf = (lines: string[]): Excerpt => ({
  name: "main.ts",
  language: "typescript",
  lineCount: lines.length,
  line: (index) => lines[index] ?? "",
});
const file = fileOf(["let a = 1;", "let b = 2;", "", "a + b;", ""]);

/** As if each character were a token. */
const count = async (text: string) => text.length;
/** The file with at most so many tokens. */
async function fitted(excerpt: Excerpt, maximumTokens: number) {
  const attachment = attach(excerpt);
  const [one] = await fitAttachments(attachment ? [attachment] : [], maximumTokens, count);
  return one;
}

test("takes the whole file where nothing is selected", async () => {
  const text = "let a = 1;\nlet b = 2;\n\na + b;";
  const attachment = { label: "main.ts", name: "main.ts", firstLine: 1, language: "typescript", text };
  expect(attach(file)).toEqual(attachment);
  expect(await fitted(file, 1000)).toEqual({ ...attachment, tokens: text.length });
});

test("takes the lines that are selected, and names them", () => {
  expect(attach({ ...file, selection: { first: 1, last: 3 } })).toMatchObject({
    label: "main.ts 2–4",
    text: "let b = 2;\n\na + b;",
  });
  expect(attach({ ...file, selection: { first: 3, last: 3 } })?.label).toBe("main.ts 4");
});

test("takes whole lines as far as they fit, and says how far", async () => {
  expect(await fitted(file, 25)).toMatchObject({
    label: "main.ts 1–3",
    text: "let a = 1;\nlet b = 2;",
    tokens: 21,
    omitted: "Only half of the context is for attachments: line 4 is left out.",
  });
  const selected = { ...file, selection: { first: 1, last: 3 } };
  expect(await fitted(selected, 10)).toMatchObject({ label: "main.ts 2–3", text: "let b = 2;", tokens: 10 });
});

test("of a line that is too long takes its beginning, not half a character", async () => {
  expect(await fitted(file, 5)).toMatchObject({
    label: "main.ts 1",
    text: "let a",
    tokens: 5,
    omitted: "Only half of the context is for attachments: line 1 is cut, and what follows it is left out.",
  });
  expect(await fitted(fileOf(["a😀b"]), 2)).toMatchObject({ text: "a" });
});

test("takes as many lines as fit exactly, of a long file and of many", async () => {
  const long = fileOf(Array.from({ length: 1000 }, (_, index) => `line ${index}`));
  for (const maximumTokens of [6, 7, 100, 1234, 8888]) {
    const one = await fitted(long, maximumTokens);
    const lines = one?.text.split("\n").length ?? 0;
    expect(one?.tokens).toBeLessThanOrEqual(maximumTokens);
    expect(`${one?.text}\nline ${lines}`.length).toBeGreaterThan(maximumTokens);
  }
});

test("several share what there is, the first come first, and what was counted stays", async () => {
  const [one, two] = [attach(fileOf(["first"])), attach(fileOf(["second", "third"]))];
  if (!one || !two) throw new Error("Nothing is attached.");
  const both = await fitAttachments([one, two], 12, count);
  expect(both.map(({ text, tokens }) => ({ text, tokens }))).toEqual([
    { text: "first", tokens: 5 },
    { text: "second", tokens: 6 },
  ]);
  expect(await fitAttachments(both, 3, () => Promise.reject(new Error("counted again")))).toEqual(both);
});

test("of a text that is too long to be read whole, the last line that was meant is named", async () => {
  const line = "a".repeat(999);
  const long = fileOf(Array.from({ length: 3000 }, () => line));
  const whole = attach(long);
  expect(whole?.text.split("\n").length).toBe(2001);
  expect(whole).toMatchObject({
    label: "main.ts 1–2001",
    omitted: "The text is too long to be attached whole: lines 2002 to 3000 are left out.",
  });
  const selected = { ...long, selection: { first: 9, last: 2010 } };
  expect(attach(selected)).toMatchObject({
    label: "main.ts 10–2010",
    omitted: "The text is too long to be attached whole: line 2011 is left out.",
  });
  expect(await fitted(selected, 2500)).toMatchObject({
    label: "main.ts 10–11",
    omitted: "Only half of the context is for attachments: lines 12 to 2011 are left out.",
  });
});

test("there is nothing to attach of an empty file", () => {
  expect(attach(fileOf(["", "  "]))).toBeUndefined();
  expect(attachmentLabel(fileOf(["", "  "]))).toBeUndefined();
});
