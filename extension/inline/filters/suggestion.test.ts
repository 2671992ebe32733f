import { expect, test } from "vitest";
import { at } from "./golden.js";
import { suggestionOf } from "./suggestion.js";

/** What is shown where the model says `text`, and stops by itself. */
const shown = (marked: string, text: string) => suggestionOf({ text, ended: true }, at(marked));

test.each<[string, string, string | undefined]>([
  // Brackets and quotes that the editor has closed.
  ["print(|)", "a, b)", "a, b"],
  ["print(|)", "len(a))", "len(a)"],
  ["print(|)", "len(a)", "len(a)"],
  ["foo(bar(|)", "x))", "x)"],
  ["foo(bar(|))", "x))", "x"],
  ["a[|]", "0];", "0"],
  ['say("|")', 'hello")', "hello"],
  ['say("|', 'hello")', 'hello")'],
  ["x = {|}", '"a": 1}', '"a": 1'],
  ["run(() => {|})", " go(); })", " go();"],
  ["if (a) {\n  b(|)\n}", "c);\n}", "c"],
  ["function f() {\n  |\n}\n", "return 1;\n}", "return 1;"],
  ["function f() {\n  |\n", "return 1;\n}", "return 1;\n}"],
  ['say("hello %s |)', 'world" % name)', 'world" % name'],
  // What is known of the file begins in a string or a comment, and ends in the middle of blocks.
  ['Reads it.\n"""\ndef f(|)\n    """Text."""', "a, b):", "a, b"],
  [" * Its `end.\n */\nf(|)", "a)", "a"],
  ['  throw f(g(a, |\n    "]"));\n  }\n}\n', "b,)})", "b,"],
  ["f(g(a, |\n    b);\n}\n", "h()))", "h())"],
  // What follows on the line.
  ["const a = |;", "5;", "5"],
  ["const a = |;", "5; // five", "5"],
  ["const a = |;", "f(1, 2);", "f(1, 2)"],
  ["x = |, b)", "a, b)", "a"],
  ["if x|:", " > 3:\n    pass", " > 3"],
  ["for (let i = 0; |) {", "i < n; i++) {", "i < n; i++"],
  ["<b>|</b>", "bold</b>", "bold"],
  ["sum += |  # total", "x\ny = 2", "x"],
  // Indentation.
  ["def f():\n    |", "    return 1", "return 1"],
  ["def f():\n    |\n", "        return 1", "return 1"],
  ["def f():\n|", "    return 1", "    return 1"],
  ["class A:\n    def f(self):\n    |", "    return 1", "    return 1"],
  ["if (a) {\n  b();\n  |\n}", "if (c) {\n      d();\n  }", "if (c) {\n    d();\n  }"],
  ["if (a) {\n\tb();\n\t|\n}", "if (c) {\n        d();\n    }", "if (c) {\n\t\td();\n\t}"],
  [
    "void f() {\n        a();\n        |\n}",
    "if (c) {\n            d();\n        }",
    "if (c) {\n                d();\n        }",
  ],
  ["\ta();\n\t|\n", "\tif (b) {\n\t\t\tc();\n\t\t}", "if (b) {\n\t\tc();\n\t}"],
  ["\ta();\n\t|\n", "\tb();\n\t\tc();", "b();\n\tc();"],
  ["\ta();\n\t|\n", "\tif (b) {\n\t\tc();\n\t}", "if (b) {\n\t\tc();\n\t}"],
  ["  a =\n        null\n  |", "  b()", "b()"],
  [
    "class A {\n  /** B */\n  |\n  int c;\n}",
    "void b() {\n    if (c) {\n        d();\n    }\n    e();\n}",
    "void b() {\n    if (c) {\n      d();\n    }\n    e();\n  }",
  ],
  ["if (a) {\n    b();\n   |\n}", " c();", " c();"],
  ["if (a) {\n    b();\n   |\n}", "    c();", " c();"],
  ["  if (a) {\n    b();\n |\n  }", "   c();", "   c();"],
  ["if (a) {\n  b();\n |", "}", "}"],
  ["a(() => {\n  if (a) {\n  |\n  }\n});", "b();\n  c();", "  b();\n    c();"],
  ["  if (a) {\n    c();\n  }\n  if (b) {\n   |\n  }", "throw b;", " throw b;"],
  ["  if (a) {\n    c();\n  }\n  switch (a) {\n  |\n  }", "case 1:", "case 1:"],
  ["  if (a) {\n  |", "}", "}"],
  ["x = |", " 5", "5"],
  ["x =|", " 5", " 5"],
  // Repetition.
  ["foo();\nfoo();\nfoo();\n|", "foo();\nfoo();\nfoo();", undefined],
  ["foo();\nfoo();\nfoo();\n|", "foo();\nbar();", "foo();\nbar();"],
  ["a = 1\n|\nreturn a", "return a", undefined],
  ["a = 1\n|\nreturn a", "b = 2\nreturn a", "b = 2"],
  ["say(|", `"a ${"#{this.name} ".repeat(4)}`, undefined],
  ["a = 1\n|", `b = 2\nsay("${"the same ".repeat(5)}`, "b = 2"],
  ["row = |", "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]", "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"],
  ["return |", "return x", "x"],
  ["conso|", "console.log(1)", "le.log(1)"],
  ["x = 1\n|", "y()\ny()\ny()\ny()", "y()"],
  // Blocks.
  ["if a:\n    |", "b()\nc()", "b()"],
  ["for x in y:|", "\n    print(x)\nprint(1)", "\n    print(x)"],
  ["a = 1\n|", "if a:\n    b()\nelse:\n    c()\nd()", "if a:\n    b()\nelse:\n    c()"],
  ["a = 1\n|", "b = 2\n\nc = 3", "b = 2"],
  // What is no code.
  ["a = |", "<|endoftext|>def", undefined],
  ["a = |", "1<|file_sep|>b.py\nx", "1"],
  ["a = |", " \n\t\n", undefined],
  ["a = |", "```python\n5\n```", undefined],
  ["a = |", "5\n```", "5"],
  ['key = "|', 'ghp_abcdefghijklmnopqrstuvwxyz0123"', undefined],
  // Other scripts.
  ["имя = |;", '"Мир";', '"Мир"'],
  ["打印(|)", "甲, 乙)", "甲, 乙"],
])("%j: the model says %j", (marked, text, right) => {
  expect(shown(marked, text)).toBe(right);
});

test("files with other line ends get theirs", () => {
  expect(shown("if (a) {\r\n  |\r\n}\r\n", "b();\n  c();\n}")).toBe("b();\r\n  c();");
  expect(shown("if (a) {\r\n  |\r\n}\r\n", "  b();\r\n  c();\r\n}\r\n")).toBe("b();\r\n  c();");
});

test("what was cut off ends with a whole word or line", () => {
  const cut = (marked: string, text: string) => suggestionOf({ text, ended: false }, at(marked));
  expect(cut("x = |", "foo(bar, ba")).toBe("foo(bar,");
  expect(cut("x = |", "calcul")).toBeUndefined();
  expect(cut("x = 1\n|", "y = 2\nz = calcul")).toBe("y = 2");
  expect(cut("x = |", "größ")).toBeUndefined();
  expect(cut("x = |", "f(1) + \uFFFD")).toBe("f(1) +");
});
