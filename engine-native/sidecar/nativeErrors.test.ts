import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as l10n from "@vscode/l10n";
import { afterEach, expect, test } from "vitest";
import { nativeSentences, translated } from "./nativeErrors.js";

afterEach(() => l10n.config({ contents: {} }));

/** All that C++ says, with literals that stand after each other as the one that they are. */
async function cpp(): Promise<string> {
  const folders = ["../src", "../convert"].map((name) => fileURLToPath(new URL(name, import.meta.url)));
  const files = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(folder, { recursive: true }))
        .filter((name) => name.endsWith(".cpp"))
        .map((name) => `${folder}/${name}`),
    ),
  );
  const sources = await Promise.all(files.flat().map((file) => readFile(file, "utf8")));
  return sources
    .join("\n")
    .replaceAll(/"\s*\n\s*"/g, "")
    .replaceAll('\\"', '"');
}

test("each sentence is one that C++ says", async () => {
  const source = await cpp();
  const parts = nativeSentences.flatMap((sentence) => sentence.split(/\{\d\}/).map((part) => part.trim()));
  expect(parts.filter((part) => !source.includes(part))).toEqual([]);
});

test("what C++ says is translated with what it has filled in, and in English stays as it is", () => {
  const cut = "/m (1).gguf is cut short: it has 10 bytes, its tensor a.weight ends at byte 20. Download it again.";
  const faulty = "/new\nline.gguf is not a usable model: it has 0 heads in layer 1";
  expect([cut, faulty].map(translated)).toEqual([cut, faulty]);
  l10n.config({
    contents: {
      "{0} is cut short: it has {1} bytes, its tensor {2} ends at byte {3}. Download it again.": "{3} {2} {1} {0}",
      "{0} is not a usable model: it {1}": "{1}: {0}",
    },
  });
  expect(translated(cut)).toBe("20 a.weight 10 /m (1).gguf");
  expect(translated(faulty)).toBe("has 0 heads in layer 1: /new\nline.gguf");
});

test("what is not known stays as it is", () => {
  l10n.config({ contents: { "{0} is empty. Download it again.": "leer: {0}" } });
  expect(translated("ggml is not loaded")).toBe("ggml is not loaded");
  expect(translated("/a.gguf is empty. Download it again. Or not.")).toBe(
    "/a.gguf is empty. Download it again. Or not.",
  );
});
