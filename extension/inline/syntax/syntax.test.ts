import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { at } from "../filters/golden.js";
import { suggestionOf } from "../filters/suggestion.js";
import { Grammars } from "./grammars.js";

const folder = path.join(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../../node_modules/@vscode/tree-sitter-wasm/wasm",
);
const languages = ["go", "java", "javascript", "python", "rust", "typescript", "typescriptreact"];
const failures: string[] = [];
const grammars = new Grammars(folder, (line) => failures.push(line));

beforeAll(async () => {
  for (const language of languages) await grammars.ready(language);
  expect(failures).toEqual([]);
});

/** What is shown in a file of a language. */
function shown(language: string, marked: string, text: string): string | undefined {
  const errorsWith = grammars.errorsIn(language, marked.replace("|", ""), marked.indexOf("|"));
  if (!errorsWith) throw new Error(`There is no grammar for ${language}.`);
  return suggestionOf({ text, ended: true }, at(marked), errorsWith);
}

test.each<[string, string, string, string | undefined]>([
  // Right ones stay.
  ["javascript", "function f(a) {\n  |\n}\n", "if (a) {\n    g();\n  }", "if (a) {\n    g();\n  }"],
  [
    "python",
    "def f(a):\n    |\n",
    "if a:\n        g()\n    else:\n        h()",
    "if a:\n        g()\n    else:\n        h()",
  ],
  ["go", "package a\n\nfunc f() {\n\t|\n}\n", "for {\n\t\tg()\n\t}", "for {\n\t\tg()\n\t}"],
  ["java", "class A {\n  |\n}\n", "void f() {\n    g();\n  }", "void f() {\n    g();\n  }"],
  ["rust", "fn f() {\n    |\n}\n", "if a {\n        g();\n    }", "if a {\n        g();\n    }"],
  ["typescriptreact", "const a = (\n  |\n);\n", "<b>\n    c\n  </b>", "<b>\n    c\n  </b>"],
  // A block that is not closed yet, too.
  ["typescript", "function f(a: A) {\n  |\n}\n", "if (a) {\n    g();\n    h();", "if (a) {\n    g();\n    h();"],
  // Wrong ones end where they are right.
  ["javascript", "function f(a) {\n  |\n}\n", "const b = 1;\n  const = 2;\n  g();", "const b = 1;"],
  ["javascript", "const a = {\n  |\n};\n", "b: 1,\n  c: 2,\n  return d;", "b: 1,\n  c: 2,"],
  ["python", "def f(a):\n    |\n", "b = 1\n    c = = 2\n    d = 3", "b = 1"],
  ["python", "def f(a):\n    |\n", "b = 1\n    for c in:\n        d()", "b = 1"],
  ["go", "package a\n\nfunc f() {\n\t|\n}\n", "a := 1\n\tfunc g() {\n\t}", "a := 1"],
  ["java", "class A {\n  void f() {\n    |\n  }\n}\n", "g();\n    int = 2;", "g();"],
  ["rust", "fn f() {\n    |\n}\n", "let a = 1;\n    let = 2;", "let a = 1;"],
  // One line is left to the person.
  ["javascript", "function f(a) {\n  |\n}\n", "const = 2;", "const = 2;"],
  // What was wrong before is no reason.
  ["typescript", "let = 1;\nfunction f() {\n  |\n}\n", "g();\n  h();", "g();\n  h();"],
])("%s: %j, the model says %j", (language, marked, text, right) => {
  expect(shown(language, marked, text)).toBe(right);
});

test("there are languages without a grammar, and texts that are too long", () => {
  expect(grammars.errorsIn("markdown", "a", 1)).toBeUndefined();
  expect(grammars.errorsIn("python", "a = 1\n".repeat(20_000), 1)).toBeUndefined();
});

test("a grammar that is not there is told, and nothing is cut", async () => {
  const told: string[] = [];
  const none = new Grammars(path.join(folder, "nowhere"), (line) => told.push(line));
  await none.ready("python");
  expect(told).toEqual([expect.stringMatching(/^grammar python: /)]);
  expect(none.errorsIn("python", "a", 1)).toBeUndefined();
});
