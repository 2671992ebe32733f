import { describe, expect, test } from "vitest";
import { applyBlock } from "./apply.js";
import type { SymbolRange } from "./sides.js";

/** What is declared by a call: our own reading of the file sees no function in it. */
const original = "import os\n\nhandler = register(\n    lambda event: event.name,\n)\n\nother = 1\n";
const block = "def handler(event):\n    return event.name.lower()\n";
const symbol: SymbolRange = { name: "handler", start: 2, end: 4, nameLine: 2 };
const apply = (...symbols: SymbolRange[]) => applyBlock({ path: "a.py", original, block, symbols });
const refused = { refused: expect.stringContaining("handler") };

test("without a language server the function has no place", () => {
  expect(apply()).toEqual(refused);
});

describe("the place of a function is where the language server has it", () => {
  test.each([
    ["by its name", symbol],
    ["with its parameters behind the name", { ...symbol, name: "handler(event)" }],
  ])("%s", (_, found) => {
    expect(apply({ ...symbol, name: "other", start: 6, end: 6, nameLine: 6 }, found)).toEqual({
      text: `import os\n\n${block}\nother = 1\n`,
      scope: "places",
    });
  });
});

describe("it is no place", () => {
  test.each([
    ["where two have the name", [symbol, { ...symbol, start: 6, end: 6, nameLine: 6 }]],
    ["beyond the file's end", [{ ...symbol, end: 7 }]],
    ["with a name outside of it", [{ ...symbol, nameLine: 5 }]],
    ["before the file", [{ ...symbol, start: -1 }]],
    ["of something else", [{ ...symbol, name: "handlers" }]],
  ])("%s", (_, symbols) => {
    expect(apply(...symbols)).toEqual(refused);
  });
});

test("what our own reading finds counts more", () => {
  const text = "def handler(event):\n    return event\n\n\nother = 1\n";
  const applied = applyBlock({
    path: "a.py",
    original: text,
    block,
    symbols: [{ ...symbol, start: 4, end: 4, nameLine: 4 }],
  });
  expect(applied).toMatchObject({ text: `${block}\n\nother = 1\n` });
});
