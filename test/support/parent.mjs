// A client that is to be killed while its sidecar works. Arguments: the sidecar's script, and requests as JSON: a list of
// [method, parameters], which are sent one after the other. Writes lines: the sidecar's process id, then "progress" whenever
// there is some for the token "watched".
import { spawn } from "node:child_process";
import { createMessageConnection, ProgressType, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";

const [script = "", requests = "[]"] = process.argv.slice(2);
// Its standard error is this process's own: whoever reads that sees it end when both are gone.
const sidecar = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
const connection = createMessageConnection(
  new StreamMessageReader(sidecar.stdout),
  new StreamMessageWriter(sidecar.stdin),
);
/** @type {ProgressType<unknown>} */
const progress = new ProgressType();
connection.onProgress(progress, "watched", () => void process.stdout.write("progress\n"));
connection.listen();
await connection.sendRequest("initialize", { protocolVersion: 1 });
process.stdout.write(`${sidecar.pid}\n`);
for (const [method, params] of JSON.parse(requests)) await connection.sendRequest(method, params);
