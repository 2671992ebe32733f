import { expect, test } from "vitest";
import { partOf, quantizationOf, safeFileName, siblingPart, withoutPart } from "./names.js";

test.each([
  ["model.gguf", "model.gguf"],
  ["a/b/model.GGUF", "model.GGUF"],
  ["../../model.gguf", "model.gguf"],
  ["..\\..\\model.gguf", "model.gguf"],
  ["/etc/model.gguf", "model.gguf"],
  ["C:\\model.gguf", "model.gguf"],
  ["nul.gguf", "nul_.gguf"],
  ["con.Q4_K_M.gguf", "con_.Q4_K_M.gguf"],
  [".hidden.gguf", "hidden.gguf"],
  ["a\u0000b\n.gguf", "a_b_.gguf"],
  ["Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf", "Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf"],
])("%j is written as %j", (path, name) => {
  expect(safeFileName(path)).toBe(name);
});

test.each(["model.safetensors", "gguf", ".gguf", "", "..", "a/"])("%j is no model", (path) => {
  expect(() => safeFileName(path)).toThrow(/must end with \.gguf/);
});

test.each([
  ["Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf", "Q4_K_M"],
  ["qwen2.5-coder-1.5b-instruct-q8_0.gguf", "Q8_0"],
  ["tinyllama-1.1b-chat-iq2_xxs.gguf", "IQ2_XXS"],
  ["Qwen3-30B-A3B-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"],
  ["gpt-oss-20b-mxfp4.gguf", "MXFP4"],
  ["BF16/Model-BF16-00001-of-00002.gguf", "BF16"],
  ["Q6_K/part-00001-of-00002.gguf", "Q6_K"],
  ["llama-3.1-8b.gguf", undefined],
])("the quantization of %s is %s", (path, quantization) => {
  expect(quantizationOf(path)).toBe(quantization);
});

test("parts of a split model", () => {
  expect(partOf("m-00002-of-00003.gguf")).toEqual({ index: 2, count: 3 });
  expect(partOf("m.gguf")).toBeUndefined();
  expect(siblingPart("m-00002-of-00003.gguf", 1)).toBe("m-00001-of-00003.gguf");
  expect(siblingPart("m.gguf", 1)).toBe("m.gguf");
  expect(withoutPart("x/m-00002-of-00003.gguf")).toBe("x/m.gguf");
});
