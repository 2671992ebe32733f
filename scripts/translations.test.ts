/** All texts are translated: those of package.json, of the code, and of the catalogue of models. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { nativeSentences } from "../engine-native/sidecar/nativeErrors.js";
import { textsOf } from "../test/support/texts.js";
import { root } from "./root.mjs";
import { languages } from "./staging.mjs";

const read = (file: string) => readFile(path.join(root, file), "utf8");
const readTexts = async (file: string): Promise<Record<string, string>> => JSON.parse(await read(file));

const sidecar = "engine-native/sidecar/";
/** Whose texts a person sees. */
const rooms = ["extension", "webview", "models", "protocol", "engine-native/sidecar"];
const testSupport = /^extension\/(fakeEngine|fixtures|workspaceFixture|.*golden(Cases)?)\.ts$/;

/**
 * Of mistakes in Flint itself, for the log, of a thread that has no translations, and of the catalogue and C++, which are looked at by
 * themselves.
 */
const internal = [
  "protocol/gpu.ts: A sidecar does not take the arguments ….",
  "extension/chat/edits/apply/alignment.ts: The table of the alignment is not consistent.",
  "extension/models/downloadFlow.ts: l10n.t(about)",
  "engine-native/sidecar/kvCache/entryFile.ts: … of … bytes were written. Is the disk full?",
  "engine-native/sidecar/nativeErrors.ts: l10n.t(sentence)",
  "engine-native/sidecar/platform.ts: Flint does not run on ….",
  "engine-native/sidecar/speculativeDecoding.ts: llama.cpp gave no token",
  "engine-native/sidecar/timeLimit.ts: It ran for longer than … s.",
  "models/transfer/hasher.ts: … ends at byte … of …",
  "models/transfer/hasher.ts: The thread that hashes ended early.",
  "models/transfer/slots.ts: WebAssembly has given memory that is not shared.",
];

/** What the sidecar says of requests that no extension sends by itself. Programs read it, and `flint` in a terminal. */
const toPrograms = [
  "answerForm.ts: responseSchema and tools that may be called do not go together.",
  "answerForm.ts: The schema of the answer cannot be used: …",
  "conversation.ts: messages have the result of the tool call …, which no message before it has.",
  "engine.ts: The stock engine makes no plans.",
  "engine.ts: This process runs the … engine; start another for ….",
  "evaluation.ts: The text is too short: give two tokens or more.",
  "evaluation.ts: A text can't be evaluated on this system yet: it takes node-llama-cpp 3.22.",
  "logprobs.ts: The likeliest tokens can be told only with a top_k from 1 to 1,000 at this temperature.",
  "logprobs.ts: The likeliest tokens cannot be told of JSON of a schema at temperature 0. Ask for logprobs alone.",
  "logprobs.ts: logprobs: not supported on this system yet.",
  "messageReader.ts: A header has more than … bytes.",
  "messageReader.ts: A header has no valid Content-Length.",
  "messageReader.ts: A message has … bytes. … are allowed.",
  "server.ts: The first request must be initialize.",
  "tokens.ts: … is no token of this model: it has …, from 0.",
  "tools.ts: toolChoice names …, which is not among the tools.",
].map((text) => `${sidecar}${text}`);

const sources = await Promise.all(
  rooms.map(async (room) => {
    const names = await readdir(path.join(root, room), { recursive: true });
    const files = names.map((name) => path.posix.join(room, name.split(path.sep).join("/")));
    return files.filter((file) => /(?<![.]test|[.]d)\.ts$/.test(file) && !testSupport.test(file));
  }),
).then((files) => Promise.all(files.flat().map(async (file) => ({ file, ...textsOf(await read(file)) }))));

/** What must be the same in all languages: places to fill in, icons, links to commands, code. */
function marks(text: string): string[] {
  return (text.match(/\{\d+\}|\$\([\w~-]+\)|\]\(command:[\w.]+|`[^`]*`/g) ?? []).sort();
}

/** @param texts English ones by their keys */
function wrongIn(texts: Readonly<Record<string, string>>, translations: Readonly<Record<string, string>>): string[] {
  const missing = Object.keys(texts).filter((key) => !translations[key]?.trim());
  const stale = Object.keys(translations).filter((key) => texts[key] === undefined);
  const differing = Object.entries(texts).filter(
    ([key, text]) => translations[key] && String(marks(text)) !== String(marks(translations[key])),
  );
  return [
    ...missing.map((key) => `not translated: ${key}`),
    ...stale.map((key) => `no longer used: ${key}`),
    ...differing.map(([key]) => `other marks than in English: ${key}`),
  ];
}

/** @returns texts of a manifest that are no %key%, and all keys */
function manifestTexts(manifest: unknown): { plain: string[]; keys: string[] } {
  const shown =
    /^(title|description|\w+Descriptions?|enumDescriptions|\w*[eE]rrorMessage|label|contents|category|name)$/;
  const plain: string[] = [];
  const keys: string[] = [];
  const visit = (name: string, value: unknown): void => {
    if (typeof value === "object" && value !== null) {
      for (const [key, each] of Object.entries(value)) visit(Array.isArray(value) ? name : key, each);
    } else if (typeof value === "string") {
      const key = /^%(.+)%$/.exec(value)?.[1];
      if (key !== undefined) keys.push(key);
      else if (shown.test(name) && value !== "Flint") plain.push(value);
    }
  };
  visit("", manifest);
  return { plain, keys };
}

test("package.json has keys where VS Code shows text, and package.nls.json their texts", async () => {
  const { name: _, ...manifest } = JSON.parse(await read("package.json"));
  const { plain, keys } = manifestTexts(manifest);
  expect(plain).toEqual([]);
  expect(Object.keys(await readTexts("package.nls.json")).sort()).toEqual(keys.sort());
});

test.each(languages)("package.nls.json is translated: %s", async (language) => {
  expect(wrongIn(await readTexts("package.nls.json"), await readTexts(`package.nls.${language}.json`))).toEqual([]);
});

test.each(languages)("the walkthrough is translated: %s", async (language) => {
  const files = (await readdir(path.join(root, "extension/media"))).filter((name) => name.endsWith(".md"));
  const english = files.filter((name) => !name.includes(".nls."));
  expect(english.length).toBeGreaterThan(0);
  expect(files).toEqual(expect.arrayContaining(english.map((name) => name.replace(/md$/, `nls.${language}.md`))));
});

test.each(languages)("the texts of the code are translated: %s", async (language) => {
  const catalog: { models: { about: string }[] } = JSON.parse(await read("models/sources/catalog.json"));
  const ofCode = sources.flatMap(({ translated }) => translated);
  const texts = [...ofCode, ...nativeSentences, ...catalog.models.map(({ about }) => about)];
  const english = Object.fromEntries(texts.map((text) => [text, text]));
  expect(wrongIn(english, await readTexts(`l10n/bundle.l10n.${language}.json`))).toEqual([]);
});

test("there are no other translations than those that are packaged", async () => {
  expect((await readdir(path.join(root, "l10n"))).sort()).toEqual(
    languages.map((language) => `bundle.l10n.${language}.json`),
  );
});

test("no text of the code goes around the translation", () => {
  const found = sources.flatMap(({ file, untranslated, sentences }) => {
    // Its texts are on their way for long before they become an answer: no sentence may stand there that is not translated.
    const all = file.startsWith(sidecar) ? [...untranslated, ...sentences] : untranslated;
    return all.map((text) => `${file}: ${text}`);
  });
  const others = [...internal, ...toPrograms, ...nativeSentences.map((text) => `${sidecar}nativeErrors.ts: ${text}`)];
  expect(found.filter((text) => !others.includes(text))).toEqual([]);
  expect(others.slice(0, internal.length + toPrograms.length).filter((text) => !found.includes(text))).toEqual([]);
});

test("what is not translated is found", () => {
  expect(wrongIn({ a: "{0} b", c: "d" }, { a: "b", e: "f" })).toEqual([
    "not translated: c",
    "no longer used: e",
    "other marks than in English: a",
  ]);
  expect(manifestTexts({ commands: [{ command: "a.b", title: "Do it" }], icon: "x", label: "%y%" })).toEqual({
    plain: ["Do it"],
    keys: ["y"],
  });
  const source = `
    window.showErrorMessage(failed ? "It failed." : l10n.t("Fine."), "Again");
    const item = { label: \`$(add) \${name}\`, detail: "Not here", kind: "plain", placeHolder: "4GiB" };
    button.ariaLabel = "Copy code";
    list.append(element("div", "message user", "You", l10n.t("No")));
    throw new DownloadError("damaged", \`\${name} is damaged.\`);
    log("read: nothing", l10n.t(about), "Not for people.");
    const message = \`The \${name} fails.\`;
    throw engineError(code, "No model is there", { reason: "no room" });`;
  expect(textsOf(source)).toEqual({
    translated: ["Fine.", "No"],
    untranslated: [
      ...["It failed.", "Again", "Not here", "Copy code", "You", "… is damaged.", "l10n.t(about)"],
      ...["No model is there", "no room"],
    ],
    sentences: ["It failed.", "… is damaged.", "The … fails."],
  });
});
