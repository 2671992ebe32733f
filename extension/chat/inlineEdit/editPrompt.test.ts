import { expect, test } from "vitest";
import { editPrompt } from "./editPrompt.js";

test("the code comes last before the instruction, and what is blank is left out", () => {
  const code = {
    name: "a.ts",
    path: "src/a.ts",
    language: "typescript",
    before: "f() {\n",
    selected: "  a();\n",
    after: "\n",
  };
  const [, question] = editPrompt(code, "Call b.");
  expect(question?.text).toBe(
    "Before the code:\n\n```typescript src/a.ts\nf() {\n```\n\nThe code:\n\n```typescript src/a.ts\n  a();\n```\n\n" +
      "Change the code: Call b.\nAnswer with all of the changed code in one fenced block and nothing else. Do not repeat what is before and after it.",
  );
});
