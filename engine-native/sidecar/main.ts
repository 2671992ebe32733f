/** The sidecar process: the protocol on stdin and stdout, logs on stderr, nothing else on stdout. */
import { Console } from "node:console";
import { readFileSync } from "node:fs";
import { createMessageConnection, ErrorCodes, type ResponseMessage, StreamMessageWriter } from "vscode-jsonrpc/node";
import { parseGpuArguments } from "../../protocol/gpu.js";
import { InferenceEngine } from "./engine.js";
import { BoundedMessageReader } from "./messageReader.js";
import { endWithClient, finishMs, returnLargeBlocks } from "./process.js";
import { failRequest } from "./requestScope.js";
import { serve } from "./server.js";

// A library that prints must not break the framing.
globalThis.console = new Console(process.stderr, process.stderr);
// A client may stop reading the log.
process.stderr.on("error", () => undefined);

const log = (line: string) => process.stderr.write(`${line}\n`);
const reader = new BoundedMessageReader(process.stdin);
const writer = new StreamMessageWriter(process.stdout);
const connection = createMessageConnection(reader, writer, { error: log, warn: log, info: log, log });
const manifest: { version: string } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

const gpuLibraries = parseGpuArguments(process.argv.slice(2));

returnLargeBlocks();
let engine: InferenceEngine | undefined;
// The client is gone when its end of the pipe is closed: then nobody wants the rest of an answer. What was read of its prompt may be
// wanted by the next process.
endWithClient();
connection.onClose(() => {
  setTimeout(() => process.exit(0), finishMs);
  void engine?.finish().finally(() => process.exit(0));
});
connection.onError(([error]) => log(`connection: ${error.message}`));
reader.onError(({ message }) => {
  // As JSON-RPC has it for a message whose id is not known. A client that does not read any more is no fault.
  const answer: ResponseMessage = { jsonrpc: "2.0", id: null, error: { code: ErrorCodes.ParseError, message } };
  writer.write(answer).catch(() => undefined);
});

function onUnawaitedError(error: unknown): void {
  const failed = failRequest(error);
  log(`${failed ? "a request failed" : "fatal"}: ${(error instanceof Error && error.stack) || error}`);
  if (!failed) process.exit(70);
}
process.on("uncaughtException", onUnawaitedError);
process.on("unhandledRejection", onUnawaitedError);

engine = serve(connection, manifest.version, log, (report) => new InferenceEngine({ ...report, log, gpuLibraries }));
connection.listen();
