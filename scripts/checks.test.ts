/** That the checks of imports fail where something goes up. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkImports, checkNativeIncludes } from "./checks.mjs";

const rooms = ["cli", "engine-native/sidecar", "extension", "models", "protocol", "server", "webview"];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-imports-"));
  for (const room of rooms) await write(`${room}/own.ts`, "export const own = 1;");
});
afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, text: string): Promise<void> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${text}\n`);
}

const output = (check: Promise<void>) =>
  check.then(
    () => "",
    (error: Error & { output?: string }) => error.output ?? error.message,
  );

test("arrows that go down are fine", async () => {
  await write("extension/a.ts", 'import { own } from "../models/own.js";\nexport const a = own;');
  await write("webview/messages.ts", "export type Message = string;");
  await write(
    "extension/b.ts",
    'import type { Message } from "../webview/messages.js";\nexport const b: Message = "";',
  );
  await write("models/c.ts", 'export { own } from "../protocol/own.js";');
  expect(await output(checkImports(folder))).toBe("");
});

test.each([
  ["protocol/a.ts", "../models/own.js", "protocol imports only itself"],
  ["models/a.ts", "../cli/own.js", "models imports only protocol, itself"],
  ["cli/a.ts", "../extension/own.js", "cli imports only"],
  ["cli/bench/a.ts", "../../engine-native/sidecar/own.js", "cli imports only"],
  ["extension/a.ts", "../webview/own.js", "extension imports only"],
  ["extension/a.ts", "../engine-native/sidecar/own.js", "extension imports only"],
  ["webview/a.ts", "../protocol/own.js", "webview imports only itself"],
  ["engine-native/sidecar/a.ts", "../../models/own.js", "engine-native/sidecar imports only protocol, itself"],
  ["models/a.ts", "vscode", "only extension imports vscode"],
  ["extension/a.ts", "node-llama-cpp", "only engine-native/sidecar imports node-llama-cpp"],
])("%s must not import %s", async (file, imported, rule) => {
  await write(file, `import type { own } from "${imported}";\nexport type A = typeof own;`);
  expect(await output(checkImports(folder))).toContain(rule);
});

test("folders must not import each other in a circle", async () => {
  await write("extension/chat/a.ts", 'import { b } from "../engine/b.js";\nexport const a = b;');
  await write("extension/engine/b.ts", "export const b = 1;");
  await write("extension/engine/c.ts", 'import { d } from "../chat/d.js";\nexport const c = d;');
  await write("extension/chat/d.ts", "export const d = 1;");
  expect(await output(checkImports(folder))).toContain("no cycles of folders");
});

test("layers of the C++ must not include those above or beside them", async () => {
  await write("engine-native/src/experts/a.cpp", '#include "result.h"\n#include "compute/b.h"\n#include "experts/a.h"');
  expect(await output(checkNativeIncludes(folder))).toBe("");
  await write("engine-native/src/plan/b.cpp", '#include "compute/b.h"');
  await write("engine-native/src/stream/c.cpp", '#include "experts/a.h"');
  await write("engine-native/src/new/d.cpp", "");
  expect(await output(checkNativeIncludes(folder))).toBe(
    "new/d.cpp: new is no layer\nplan/b.cpp: plan must not include compute\nstream/c.cpp: stream must not include experts",
  );
});
