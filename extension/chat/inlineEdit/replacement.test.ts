import { expect, test } from "vitest";
import { replacementOf } from "./replacement.js";

const original = "    return a;\n";

test.each([
  ["```ts\n    return b;\n```", "    return b;\n"],
  ["Sure:\n\n```ts src/a.ts\nreturn b;\n```\nDone.", "    return b;\n"],
  ["return b;", "    return b;\n"],
  ["```ts\nif (a) {\n\n  return b;\n}\n```", "    if (a) {\n\n      return b;\n    }\n"],
  ["````md\n```ts\na\n```\n````", "    ```ts\n    a\n    ```\n"],
])("%j gives %j", (answer, replacement) => {
  expect(replacementOf(answer, original)).toBe(replacement);
});

test("while it is being said there is no half fence in it, and nothing before the code", () => {
  const answer = "```ts\nreturn b;\n```";
  const steps = Array.from({ length: answer.length }, (_, length) =>
    replacementOf(answer.slice(0, length + 1), "return a;"),
  );
  expect(steps.filter((step) => step?.includes("`"))).toEqual([]);
  expect(steps.slice(0, 6)).toEqual(Array(6).fill(undefined));
  expect(steps.at(-1)).toBe("return b;");
});

test("tabs stay tabs, and a selection without a line end gets none", () => {
  expect(replacementOf("```go\nreturn b\n```", "\treturn a")).toBe("\treturn b");
  // Another kind of indentation is the model's own.
  expect(replacementOf("```go\n  return b\n```", "\treturn a")).toBe("  return b");
});
