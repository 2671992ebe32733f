import { expect, test } from "vitest";
import { fitContext, fitSent, listOf } from "./fit.js";

const file = (path: string, text: string) => ({ label: path, name: path, path, firstLine: 1, language: "ts", text });
/** As if each character were a token. */
const count = async (text: string) => text.length;

test("of a text as many lines as fit, and after it the next with what is left", async () => {
  const contents = [{ attachments: [file("a.ts", "aaaa\nbbbb\ncccc")] }, { attachments: [file("b.ts", "dd")] }];
  const [first, second] = await fitContext(contents, 12, count);
  expect(first).toMatchObject({
    attachments: [{ text: "aaaa\nbbbb", tokens: 9 }],
    tokens: 9,
    omitted: "Only half of the context is for attachments: line 3 is left out.",
  });
  expect(second).toEqual({ attachments: [{ ...file("b.ts", "dd"), tokens: 2 }], tokens: 2, omitted: undefined });
});

test("what has no room at all is left out, and named", async () => {
  const contents = [{ attachments: [file("a.ts", "aaaa")] }, { attachments: [file("src/b.ts", "bb")] }];
  const [, second] = await fitContext(contents, 4, count);
  expect(second).toEqual({
    attachments: [],
    tokens: 0,
    omitted: "Only half of the context is for attachments. Left out: src/b.ts.",
  });
});

test("of a folder whole files, also smaller ones after one that is too large", async () => {
  const attachments = [file("a.ts", "aaaa"), file("b.ts", "bbbbbbbb"), file("c.ts", "cc"), file("d.ts", "d")];
  const [folder] = await fitContext([{ attachments, omitted: "One is binary." }], 6, count);
  expect(folder?.attachments.map(({ text }) => text)).toEqual(["aaaa", "cc"]);
  expect(folder?.tokens).toBe(6);
  expect(folder?.omitted).toBe("Only half of the context is for attachments. Left out: b.ts, d.ts. One is binary.");
  // Where it stands in the conversation.
  expect(folder?.attachments.at(-1)?.omitted).toBe(folder?.omitted);
});

test("names of files in a sentence", () => {
  expect(listOf(["a"])).toBe("a");
  expect(listOf(["a", "b"])).toBe("a, b");
  expect(listOf(["a", "b", "c", "d"])).toBe("a, b and 2 more");
});

test("of what was sent before it was counted nothing empty is left, and what has no room is named", async () => {
  const sent = [
    file("a.ts", "aaaa\nbbbb"),
    file("b.ts", "cccc"),
    file("c.ts", "d"),
    { ...file("d.ts", "e"), omitted: "More." },
  ];
  const [only, ...none] = await fitSent(sent, 4, count);
  expect(none).toEqual([]);
  expect(only).toMatchObject({
    text: "aaaa",
    omitted:
      "Only half of the context is for attachments: line 2 is left out. Only half of the context is for attachments. Left out: b.ts, c.ts and 1 more.",
  });
  expect(await fitSent(sent.slice(0, 2), 20, count)).toEqual([
    { ...file("a.ts", "aaaa\nbbbb"), tokens: 9 },
    { ...file("b.ts", "cccc"), tokens: 4 },
  ]);
});
