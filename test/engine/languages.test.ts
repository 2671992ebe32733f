/** What the engine says is in the language of who started it, and in English where nobody has told one. */
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ResponseError } from "vscode-jsonrpc/node";
import type { Sidecar } from "../../protocol/client.js";
import {
  completeRequest,
  type Display,
  ErrorCode,
  initializeRequest,
  planRequest,
  protocolVersion,
} from "../../protocol/messages.js";
import { inCheckout } from "../support/flint.js";
import { load, sidecar, uninitializedSidecar } from "../support/sidecar.js";

const model = inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf");

async function german(): Promise<Display> {
  const bundle = await readFile(inCheckout("l10n/bundle.l10n.de.json"), "utf8");
  return { language: "de", translations: JSON.parse(bundle) };
}

const speaking = async (language: "English" | "German") =>
  sidecar(() => undefined, [], language === "German" ? await german() : undefined);

/** How a request is refused. */
async function refusal(answer: Promise<unknown>): Promise<{ code: number; message: string }> {
  const error: unknown = await answer.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ResponseError)) throw new Error("It was not refused.", { cause: error });
  return { code: error.code, message: error.message };
}

const words = {
  English: {
    note: /^flint-tiny-relu2-f16\.gguf is a base model: /,
    nothingLoaded: "No model is loaded.",
    empty: "The prompt is empty.",
    tooLong: /^The prompt has \d+,\d{3} tokens or more, the context 256\. Shorten it/,
    noRoom: /^The model needs at least \d+ MiB with a context of 256; the cap is 1 MiB\.$/,
    missing: /missing\.gguf does not exist\. Check the path\.$/,
    folder: /folder\.gguf is a folder\. /,
    page: /page\.gguf is not a GGUF model \(it begins with "<!DO"\)\. Download it again\.$/,
    cut: /cut\.gguf is cut short: it has \d+ bytes, its tensor \S+ ends at byte \d+\. Download it again\.$/,
  },
  German: {
    note: /^flint-tiny-relu2-f16\.gguf ist ein Basismodell: /,
    nothingLoaded: "Es ist kein Modell geladen.",
    empty: "Der Prompt ist leer.",
    tooLong: /^Der Prompt hat mindestens \d+\.\d{3} Token, der Kontext 256\. Kürzen oder /,
    noRoom: /^Das Modell braucht mit einem Kontext von 256 mindestens \d+ MiB; das Limit ist 1 MiB\.$/,
    missing: /missing\.gguf ist nicht vorhanden\. Den Pfad prüfen\.$/,
    folder: /folder\.gguf ist ein Ordner\. /,
    page: /page\.gguf ist kein GGUF-Modell \(die Datei beginnt mit „<!DO“\)\. Erneut herunterladen\.$/,
    cut: /cut\.gguf ist abgeschnitten: Die Datei hat \d+ Bytes, ihr Tensor \S+ endet bei Byte \d+\. Erneut/,
  },
};

const notAModel = (message: RegExp) => ({ code: ErrorCode.NotAModel, message: expect.stringMatching(message) });
const refused = (message: RegExp | string) => ({
  code: ErrorCode.InvalidArgument,
  message: expect.stringMatching(message),
});

const complete = ({ connection }: Sidecar, prefix: string) =>
  refusal(connection.sendRequest(completeRequest, { prefix, maximumTokens: 2 }));

test.each(["English", "German"] as const)("errors and notes are in %s", async (language) => {
  const expected = words[language];
  const started = await speaking(language);
  expect((await complete(started, "Hello")).message).toBe(expected.nothingLoaded);
  const noRoom = await refusal(load(started, model, { contextTokens: 256, ramCapBytes: 1024 ** 2 }));
  expect(noRoom).toEqual({ code: ErrorCode.DoesNotFit, message: expect.stringMatching(expected.noRoom) });
  const { chatNote } = await load(started, model, { contextTokens: 256 });
  expect(chatNote).toMatch(expected.note);
  expect(await complete(started, "")).toEqual(refused(expected.empty));
  expect(await complete(started, "word ".repeat(20_000))).toEqual(refused(expected.tooLong));
});

test.each(["English", "German"] as const)("what C++ says of a file is in %s", async (language) => {
  const expected = words[language];
  const { connection } = await speaking(language);
  const folder = await mkdtemp(inCheckout("build/test-models/languages-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const files = Object.fromEntries(
    ["missing", "folder", "page", "cut"].map((name) => [name, join(folder, `${name}.gguf`)] as const),
  ) as Record<"missing" | "folder" | "page" | "cut", string>;
  await mkdir(files.folder);
  await writeFile(files.page, "<!DOCTYPE html>\n");
  await writeFile(files.cut, await readFile(model));
  await truncate(files.cut, (await readFile(model)).length - 1);
  const plan = (modelPath: string) =>
    refusal(connection.sendRequest(planRequest, { modelPath, ramCapBytes: 1024 ** 3 }));
  for (const name of ["missing", "folder", "page", "cut"] as const) {
    expect(await plan(files[name])).toEqual(notAModel(expected[name]));
  }
});

test.each([
  ["no object", "de"],
  ["without a tag", { language: "../de", translations: { "No model is loaded.": "Nichts." } }],
  ["without texts", { language: "de", translations: { "No model is loaded.": "Nichts.", "The prompt is empty.": 5 } }],
])("a language that is %s is none: the engine speaks English, and works", async (_, display) => {
  const { connection } = uninitializedSidecar();
  await connection.sendRequest(initializeRequest, { protocolVersion, display });
  const { message } = await refusal(connection.sendRequest(completeRequest, { prefix: "" }));
  expect(message).toBe("No model is loaded.");
});

test("the log says where a language could not be read, and which is not known is no error", async () => {
  const log: string[] = [];
  const unread = await sidecar((line) => log.push(line), [], { language: "a b", translations: {} });
  unread.dispose();
  await unread.exited;
  expect(log).toContain("The client's language or its translations can't be read: English is used.");
  const started = await sidecar(() => undefined, [], { ...(await german()), language: "x" });
  await load(started, model, { contextTokens: 256 });
  expect((await complete(started, "word ".repeat(20_000))).message).toMatch(/^Der Prompt hat mindestens \d+,\d{3} /);
});
