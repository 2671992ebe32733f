/** What comes over the wire and is no valid message, and errors that nobody awaits: neither ends the sidecar. */
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { build } from "esbuild";
import fc from "fast-check";
import { expect, test } from "vitest";
import { startSidecar } from "../../protocol/client.js";
import { ErrorCode } from "../../protocol/errors.js";
import {
  chatRequest,
  completeRequest,
  initializeRequest,
  protocolVersion,
  statsRequest,
} from "../../protocol/messages.js";
import { sidecarBundle } from "../../scripts/program-bundle.mjs";
import { inCheckout } from "../support/flint.js";
import { load, uninitializedSidecar } from "../support/sidecar.js";

const message = (body: string) => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const call = (rest: object) => message(JSON.stringify({ jsonrpc: "2.0", ...rest }));
const large = 2 ** 26 + 1;

test.each<[string, string | Buffer]>([
  ["no header", "Hello\r\n\r\n"],
  ["a header without end", `${"x".repeat(10_000)}\r\n\r\n`],
  ["a length that is no number", "Content-Length: much\r\n\r\n"],
  ["a negative length", "Content-Length: -5\r\n\r\n"],
  ["a length in hexadecimal", "Content-Length: 0x10\r\n\r\n"],
  ["no length", "Content-Type: text\r\n\r\n"],
  ["an empty message", "Content-Length: 0\r\n\r\n"],
  [
    "a message that is too long",
    Buffer.concat([Buffer.from(`Content-Length: ${large}\r\n\r\n`), Buffer.alloc(large, 32)]),
  ],
  ["invalid JSON", message("{")],
  ["invalid UTF-8", Buffer.concat([Buffer.from("Content-Length: 2\r\n\r\n"), Buffer.from([0xff, 0xfe])])],
  ["null", message("null")],
  ["a number", message("5")],
  ["text", message('"Hello"')],
  ["an empty object", message("{}")],
  ["a batch", message('[{"jsonrpc":"2.0","id":1,"method":"stats"}]')],
  ["a method that is no text", call({ id: 1, method: 5 })],
  ["an id that is null", call({ id: null, method: "stats" })],
  ["an id that is an object", call({ id: {}, method: "stats" })],
  ["an unknown method", call({ id: 1, method: "format" })],
  ["an unknown notification", call({ method: "format", params: [1, 2] })],
  ["a request as a notification", call({ method: "load", params: null })],
  ["many parameters by position", call({ id: 1, method: "plan", params: [1, 2, 3] })],
  ["the cancellation of nothing", call({ method: "$/cancelRequest" })],
  ["the cancellation of null", call({ method: "$/cancelRequest", params: { id: null } })],
  ["the cancellation of an object", call({ method: "$/cancelRequest", params: { id: { toString: 1 } } })],
  ["the cancellation of an unknown request", call({ method: "$/cancelRequest", params: { id: 77 } })],
  ["progress of nothing", call({ method: "$/progress", params: null })],
  ["a trace of nothing", call({ method: "$/setTrace", params: null })],
  ["an answer to nothing", call({ id: 77, result: 1 })],
  ["an answer that is none", call({ id: 77, error: null })],
  ["deep nesting", message(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)],
])("after %s the sidecar answers", async (_, bytes) => {
  const { connection, process } = uninitializedSidecar();
  process.stdin?.write(bytes);
  const { version } = await connection.sendRequest(initializeRequest, { protocolVersion });
  expect(version).toMatch(/^\d/);
});

test("after any bytes the sidecar answers", async () => {
  const { connection, process } = uninitializedSidecar();
  await connection.sendRequest(initializeRequest, { protocolVersion });
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string().map(message));
  await fc.assert(
    fc.asyncProperty(fc.array(bytes, { maxLength: 4 }), async (chunks) => {
      // The end of a header, so that what comes next begins with one.
      for (const chunk of [...chunks, "\r\n\r\n"]) process.stdin?.write(chunk);
      await connection.sendRequest(statsRequest);
    }),
    { numRuns: 200, interruptAfterTimeLimit: 60_000 },
  );
});

test("a client that reads neither log nor answers does not end the sidecar", async () => {
  const { process } = uninitializedSidecar();
  process.stdout?.destroy();
  process.stdin?.write(call({ id: 1, method: "initialize", params: { protocolVersion } }) + message("{"));
  process.stdin?.write(call({ id: 2, method: "stats" }) + message("{"));
  process.stdin?.write(call({ id: 3, method: "shutdown" }));
  // By itself: it has understood the last one.
  expect(await once(process, "exit")).toEqual([0, null]);
});

/** The sidecar with unawaitedError.mjs in it, beside the real one, as it finds its libraries from there. */
async function faultySidecar(): Promise<string> {
  const outfile = inCheckout(`dist/faulty-sidecar-${process.pid}.js`);
  const contents = 'import "./test/support/unawaitedError.mjs"; import "./engine-native/sidecar/main.js";';
  await build({ ...sidecarBundle, stdin: { contents, resolveDir: inCheckout("."), loader: "ts" }, outfile });
  return outfile;
}

test("an error that nobody awaits fails its own request, and the next one is answered", async () => {
  const scriptPath = await faultySidecar();
  const started = await startSidecar({ scriptPath, onLog: () => undefined });
  try {
    await load(started, inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf"));
    const { connection } = started;
    const complete = (prefix: string) =>
      connection.sendRequest(completeRequest, { prefix, maximumTokens: 2, ignoreEos: true });
    for (const fault of ["rejection", "exception"]) {
      const before = complete("Hello");
      const failing = complete(`fault: ${fault}`);
      const messages = [{ role: "user" as const, text: "Hi" }];
      const after = connection.sendRequest(chatRequest, { messages, maximumTokens: 2, ignoreEos: true });
      expect((await before).tokens).toHaveLength(2);
      await expect(failing).rejects.toMatchObject({ code: ErrorCode.InvalidState, message: `an unawaited ${fault}` });
      expect((await after).tokens.length).toBeGreaterThan(0);
    }
  } finally {
    started.dispose();
    await rm(scriptPath);
  }
});
