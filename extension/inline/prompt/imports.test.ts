import { expect, test } from "vitest";
import { importedPaths } from "./imports.js";
import { signaturesOf } from "./signatures.js";

test.each<[string, string, string]>([
  ["src/a.ts", 'import { b } from "./b.js";', "src/b.ts"],
  ["src/a.ts", 'export * from "../lib/c";', "lib/c.ts"],
  ["a.js", 'const d = require("./d")', "d.js"],
  ["pkg/a.py", "from .b import c", "pkg/b.py"],
  ["pkg/a.py", "from . import helpers", "pkg/helpers.py"],
  ["a.py", "import shapes", "shapes.py"],
  ["a.py", "from shapes import area", "shapes.py"],
  ["pkg/sub/a.py", "from ..b import c", "pkg/b.py"],
  ["src/a.c", '#include "b.h"', "src/b.h"],
  ["src/main.rs", "use crate::shapes::Circle;", "src/shapes.rs"],
  ["src/main.rs", "mod shapes;", "src/shapes.rs"],
  ["src/main/java/x/A.java", "import x.y.B;", "src/main/java/x/y/B.java"],
  ["lib/a.rb", 'require_relative "b"', "lib/b.rb"],
])("%s with %j imports %s", (path, text, imported) => {
  expect(importedPaths(path, text).flat()).toContain(imported);
});

test("what is outside of the workspace or a package is none of its files", () => {
  expect(importedPaths("a.ts", 'import x from "../../x"; import z from "zod";')).toEqual([]);
});

test("a long file is told by its declarations", () => {
  const body = Array.from({ length: 50 }, (_, i) => `    const x${i} = ${i};`).join("\n");
  const text = `import x from "y";\n\nexport class A {\n  private n = 1;\n\n  add(a: number): number {\n${body}\n    return a;\n  }\n}\n\nexport function f(a: string) {\n  if (a) {\n  }\n${body}\n}\n`;
  expect(signaturesOf(text)).toBe("export class A {\n  add(a: number): number {\nexport function f(a: string) {");
  const python = `class A:\n    def f(self, a):\n${body}\n\nasync def g(b):\n    pass\n\nLIMIT = 3\n`;
  expect(signaturesOf(python)).toBe("class A:\n    def f(self, a):\nasync def g(b):");
});
