/** The sidecar process: the protocol on stdin and stdout, logs on stderr, nothing else on stdout. */
import { Console } from "node:console";
import { readFileSync } from "node:fs";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import { Engine } from "./engine.js";
import { serve } from "./server.js";

// A library that prints must not break the framing.
globalThis.console = new Console(process.stderr, process.stderr);

const connection = createMessageConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);
const log = (line: string) => process.stderr.write(`${line}\n`);
const manifest: { version: string } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

// The client is gone when its end of the pipe is: then nobody wants the rest of an answer.
connection.onClose(() => process.exit(0));
connection.onError(([error]) => log(`connection: ${error.message}`));
process.on("uncaughtException", (error) => {
  log(`fatal: ${error.stack ?? error.message}`);
  process.exit(70);
});

serve(connection, manifest.version, (onState) => new Engine({ onState, log }));
connection.listen();
