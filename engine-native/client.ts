/** Starts a sidecar and speaks the protocol with it. Shared by the extension and the command line; knows no VS Code. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { type InitializeResult, initializeRequest, protocolVersion } from "./protocol.js";

/** A running sidecar. `connection` is listening; requests are typed in protocol.ts. */
export interface Sidecar {
  readonly connection: MessageConnection;
  readonly process: ChildProcess;
  readonly info: InitializeResult;
  /** Resolves when the process has ended, with how. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Closes the connection, upon which the sidecar ends by itself; kills it if it is not gone after 2 s. */
  dispose(): void;
}

export interface SidecarOptions {
  /** The sidecar's script, `dist/sidecar.js`. */
  scriptPath: string;
  /** One call for each line the sidecar writes on stderr. */
  onLog(line: string): void;
  /** A command and its first arguments that becomes the command which the rest of its arguments are. */
  launcher?: readonly string[];
}

/**
 * Starts the sidecar with this process's own Node (inside VS Code desktop that is Electron, made to run as Node).
 * @throws when the process ends or refuses before it answered `initialize`.
 */
export async function startSidecar({ scriptPath, onLog, launcher = [] }: SidecarOptions): Promise<Sidecar> {
  const [command = process.execPath, ...args] = [...launcher, process.execPath, scriptPath];
  const child = spawn(command, args, {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  let tail = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (tail + chunk).split("\n");
    tail = lines.pop() ?? "";
    for (const line of lines) onLog(line);
  });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("error", (error) => {
      onLog(String(error));
      resolve({ code: null, signal: null });
    });
    child.once("close", (code, signal) => {
      if (tail) onLog(tail);
      resolve({ code, signal });
    });
  });
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.onError(([error]) => onLog(`connection: ${error.message}`));
  connection.listen();
  const dispose = () => {
    connection.dispose();
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
    timer.unref();
    void exited.then(() => clearTimeout(timer));
  };
  try {
    const info = await Promise.race([
      connection.sendRequest(initializeRequest, { protocolVersion }),
      exited.then(({ code, signal }) => {
        throw new Error(`The engine did not start (${signal ?? `exit ${code}`}). See the log for what it said.`);
      }),
    ]);
    return { connection, process: child, info, exited, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** Runs `work` with what cancels its requests when `signal` is aborted, or was before. */
export async function cancelledBy<Result>(
  signal: AbortSignal,
  work: (cancellation: CancellationTokenSource) => Promise<Result>,
): Promise<Result> {
  const cancellation = new CancellationTokenSource();
  const cancel = () => cancellation.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    return await work(cancellation);
  } finally {
    signal.removeEventListener("abort", cancel);
    cancellation.dispose();
  }
}
