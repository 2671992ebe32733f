import { describe, expect, test } from "vitest";
import { lineEdit } from "./lineEdit.js";
import { nextEdit } from "./predict.js";

test.each<[string, string, [string, string] | undefined]>([
  ["let count = 1;", "let total = 1;", ["count", "total"]],
  ["let count = 1;", "let counter = 1;", ["count", "counter"]],
  ["let user_id = 1;", "let user_name = 1;", ["user_id", "user_name"]],
  ["f(a)", "f(a, b)", ["", ", b"]],
  ["a = 1", "a = 1;", ["", ";"]],
  ["a", "b", undefined],
  ["same", "same", undefined],
])("what was changed from %j to %j", (before, after, parts) => {
  const edit = lineEdit(before, after);
  expect(edit && [edit.old, edit.new]).toEqual(parts);
});

/** Replays edits: the person changes one line, accepts what is suggested, and so on until nothing more is. */
function replay(text: string, change: [line: number, text: string]): string[] {
  const lines = text.split("\n");
  const original = lines[change[0]] ?? "";
  lines[change[0]] = change[1];
  let repeated = false;
  for (let step = 0; step < 50; step++) {
    const next = nextEdit(lines, change[0], original, repeated);
    if (!next) break;
    lines[next.line] = next.after;
    repeated = true;
  }
  return lines;
}

describe("replayed", () => {
  test("a renamed variable is renamed where it is used", () => {
    const text =
      "def f(items):\n    count = 0\n    for item in items:\n        count += 1\n    return count\ncounts = 2";
    expect(replay(text, [1, "    total = 0"])).toEqual([
      "def f(items):",
      "    total = 0",
      "    for item in items:",
      "        total += 1",
      "    return total",
      "counts = 2",
    ]);
  });

  test("a renamed parameter likewise", () => {
    const text = "function area(w, h) {\n  return w * h;\n}";
    expect(replay(text, [0, "function area(width, h) {"])[1]).toBe("  return width * h;");
  });

  test("the second of two similar lines gets the same change", () => {
    const text = 'app.get("/users", list);\napp.get("/items", list);\n\nother();';
    expect(replay(text, [0, 'app.get("/users", auth, list);'])[1]).toBe('app.get("/items", auth, list);');
    const calls = "this.width = read(a);\nthis.height = read(a);";
    expect(replay(calls, [0, "this.width = read(a, 10);"])[1]).toBe("this.height = read(a, 10);");
  });

  test("another call on one line says nothing of others", () => {
    const text = "x = foo(1)\nprint(x)\nif y:\n    z = bar(foo(2), 3, 4)";
    expect(replay(text, [0, "x = baz(1)"]).slice(1)).toEqual(text.split("\n").slice(1));
  });

  test.each([
    ["a value that was assigned", "let a = opts.size;", "let a = opts.width;", "b = opts.size + 1;"],
    ["an object that a loop goes over", "for (const a of items) {", "for (const a of parts) {", "  log(items.length);"],
    ["one of two uses", "const { glob } = require('glob');", "const { glob } = require('tinyglobby');", "glob('*');"],
    ["a value of the language", "data.semicolons = true;", "data.semicolons = false;", "data.headRoutes = true;"],
    [
      "a comment that was added",
      "this.short = flags.short;",
      "this.short = flags.short; // May be long.",
      "this.long = flags.long;",
    ],
    [
      "what else is in brackets",
      "const { a } = require('./log');",
      "const { a } = require('./log-new');",
      "const { b } = require('./err');",
    ],
    [
      "a line that was written anew",
      "const a = /^[a-z]{1,64}@[a-z]+$/u;",
      "const a = letters;",
      "const b = /^[a-z]{1,64}@[a-z]+$/u;",
    ],
    ["a default value", "constructor (opts) {", "constructor (opts = {}) {", "super(opts)"],
  ])("nothing is said of other lines for %s", (_, original, changed, next) => {
    expect(nextEdit([changed, next], 0, original)).toBeUndefined();
  });

  test.each([
    ["const f = (graph, name) => {", "const f = (graph, key) => {", "  if (!name) {", "  if (!key) {"],
    ["const f = end => (pos) => {", "const f = quote => (pos) => {", "  g(pos, end);", "  g(pos, quote);"],
    ["const all = async (from) => {", "const all = async (start) => {", "  use(from);", "  use(start);"],
    ["class ErrorEvent {", "class FaultEvent {", "  // Makes an `ErrorEvent`.", "  // Makes an `FaultEvent`."],
  ])("what is declared in %j is renamed", (original, changed, next, after) => {
    expect(nextEdit([changed, next], 0, original)).toEqual({ line: 1, before: next, after });
  });

  test("what is already changed is left alone", () => {
    expect(nextEdit(["let b = 1;", "use(b);"], 0, "let a1 = 1;")).toBeUndefined();
  });
});
