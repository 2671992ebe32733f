import { expect, test } from "vitest";
import { type InfillFamily, infillFamilies, infillFamily } from "./families.js";
import { inOrder, layoutOf } from "./layout.js";

/** A model that has these special tokens and this name. */
const familyOf = (tokens: string, name = "") => infillFamily((text) => tokens.split(" ").includes(text), name);

const promptOf = (family: InfillFamily, others: { name: string; text: string }[] = []) =>
  inOrder(layoutOf(family, { files: others, path: "src/main.py" }), {
    part: (part) => ("mark" in part ? part.mark : part.text),
    prefix: "a = ",
    suffix: "\nb = 2",
  }).join("");

const files = [
  { name: "src/one.py", text: "one = 1" },
  { name: "src/two.py", text: "two = 2\n" },
];

const qwen = "<|endoftext|> <|fim_prefix|> <|fim_suffix|> <|fim_middle|> <|fim_pad|> <|repo_name|> <|file_sep|>";
const gemma = "<|fim_prefix|> <|fim_suffix|> <|fim_middle|> <|file_separator|>";
const starcoder2 = "<fim_prefix> <fim_suffix> <fim_middle> <repo_name> <file_sep>";
const granite = "<fim_prefix> <fim_suffix> <fim_middle> <reponame> <filename>";
const granite4 = "<|fim_prefix|> <|fim_suffix|> <|fim_middle|> <|reponame|> <|filename|>";
const deepseek = "<｜fim▁begin｜> <｜fim▁hole｜> <｜fim▁end｜>";

test.each([
  [
    "Qwen2.5-Coder",
    familyOf(qwen),
    "<|fim_prefix|>a = <|fim_suffix|>\nb = 2<|fim_middle|>",
    "<|repo_name|>workspace\n<|file_sep|>src/one.py\none = 1\n<|file_sep|>src/two.py\ntwo = 2\n<|file_sep|>src/main.py\n<|fim_prefix|>a = <|fim_suffix|>\nb = 2<|fim_middle|>",
  ],
  [
    "StarCoder2",
    familyOf(starcoder2),
    "<fim_prefix>a = <fim_suffix>\nb = 2<fim_middle>",
    "<repo_name>workspace\n<file_sep>src/one.py\none = 1\n<file_sep>src/two.py\ntwo = 2\n<file_sep><fim_prefix>src/main.py\na = <fim_suffix>\nb = 2<fim_middle>",
  ],
  [
    "CodeGemma",
    familyOf(gemma),
    "<|fim_prefix|>a = <|fim_suffix|>\nb = 2<|fim_middle|>",
    "<|file_separator|>src/one.py\none = 1\n<|file_separator|>src/two.py\ntwo = 2\n<|file_separator|>src/main.py\n<|fim_prefix|>a = <|fim_suffix|>\nb = 2<|fim_middle|>",
  ],
  [
    "DeepSeek-Coder-V2",
    familyOf(deepseek),
    "<｜fim▁begin｜>a = <｜fim▁hole｜>\nb = 2<｜fim▁end｜>",
    "#src/one.py\none = 1\n#src/two.py\ntwo = 2\n#src/main.py\n<｜fim▁begin｜>a = <｜fim▁hole｜>\nb = 2<｜fim▁end｜>",
  ],
  [
    "Granite Code",
    familyOf(granite),
    "<fim_prefix>a = <fim_suffix>\nb = 2<fim_middle>",
    "<reponame>workspace\n<filename>src/one.py\none = 1\n<filename>src/two.py\ntwo = 2\n<filename>src/main.py\n<fim_prefix>a = <fim_suffix>\nb = 2<fim_middle>",
  ],
  [
    "Granite 4",
    familyOf(granite4),
    "<|fim_prefix|>a = <|fim_suffix|>\nb = 2<|fim_middle|>",
    "<|reponame|>workspace\n<|filename|>src/one.py\none = 1\n<|filename|>src/two.py\ntwo = 2\n<|filename|>src/main.py\n<|fim_prefix|>a = <|fim_suffix|>\nb = 2<|fim_middle|>",
  ],
  [
    "Codestral",
    familyOf("[PREFIX] [SUFFIX]"),
    "[SUFFIX]\nb = 2[PREFIX]a = ",
    "+++++ src/one.py\none = 1\n+++++ src/two.py\ntwo = 2\n+++++ src/main.py\n[SUFFIX]\nb = 2[PREFIX]a = ",
  ],
  [
    "Mellum",
    familyOf(granite, "Mellum 4b base"),
    "<fim_suffix>\nb = 2<fim_prefix>a = <fim_middle>",
    "<filename>src/one.py\none = 1\n<filename>src/two.py\ntwo = 2\n<filename>src/main.py\n<fim_suffix>\nb = 2<fim_prefix>a = <fim_middle>",
  ],
])("the prompt of %s", (_, family, alone, beside) => {
  if (!family) throw new Error("It is not known.");
  expect(promptOf(family)).toBe(alone);
  expect(promptOf(family, files)).toBe(beside);
});

test("a model with the tokens and no more has files as comments", () => {
  const family = familyOf("<|fim_prefix|> <|fim_suffix|> <|fim_middle|>");
  if (!family) throw new Error("It is not known.");
  expect(promptOf(family, files.slice(0, 1))).toBe(
    "# src/one.py\none = 1\n# src/main.py\n<|fim_prefix|>a = <|fim_suffix|>\nb = 2<|fim_middle|>",
  );
});

test("a model without the tokens is of no family", () => {
  expect(familyOf("<s> </s> [INST]")).toBeUndefined();
  expect(familyOf("<fim_prefix> <fim_suffix>")).toBeUndefined();
  expect(new Set(infillFamilies.map(({ name }) => name)).size).toBe(infillFamilies.length);
});
