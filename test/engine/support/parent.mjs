// A parent that is killed while its sidecar generates. Arguments: the sidecar's script, a model. Writes the sidecar's
// process id when the first text has come.
import { spawn } from "node:child_process";
import { createMessageConnection, ProgressType, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";

const [script = "", modelPath = ""] = process.argv.slice(2);
// Its standard error is this process's own: whoever reads that sees it end when both are gone.
const sidecar = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
const connection = createMessageConnection(
  new StreamMessageReader(sidecar.stdout),
  new StreamMessageWriter(sidecar.stdin),
);
/** @type {ProgressType<import("../../../engine-native/protocol.js").GenerationProgress>} */
const generationProgress = new ProgressType();
connection.onProgress(generationProgress, "text", ({ kind }) => {
  if (kind === "text") process.stdout.write(`${sidecar.pid}\n`);
});
connection.listen();
await connection.sendRequest("initialize", { protocolVersion: 1 });
const ramCapBytes = 4 * 1024 ** 3;
await connection.sendRequest("load", { modelPath, ramCapBytes, engine: "flash", contextTokens: 4096 });
await connection.sendRequest("complete", { prefix: "Once", ignoreEos: true, progressToken: "text" });
