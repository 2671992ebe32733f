/** Starts a sidecar and speaks the protocol with it. Shared by the extension and the command line; knows no VS Code. */
import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import * as l10n from "@vscode/l10n";
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { type GpuLibraries, gpuArguments } from "./gpu.js";
import {
  type Display,
  gpuNotification,
  type InitializeResult,
  initializeRequest,
  protocolVersion,
  trialNotification,
} from "./messages.js";
import { platformProblem } from "./platformCheck.js";
import { describeEnd, type SidecarEnd } from "./sidecarEnd.js";

/** A running sidecar. `connection` is listening; requests are typed in protocol/messages.ts. */
export interface Sidecar {
  readonly connection: MessageConnection;
  readonly process: ChildProcess;
  readonly info: InitializeResult;
  /** Resolves when the process has ended, with how. */
  readonly exited: Promise<SidecarEnd>;
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
  /** Absent: it uses no GPU. */
  gpu?: GpuLibraries | undefined;
  /** What its sentences are for. Absent: English. */
  display?: Display | undefined;
}

/**
 * Of Node. JavaScript's memory counts against the cap as well, and the header of a model is read in JavaScript: young objects get
 * little room, and the sidecar may collect what an unloaded model has left behind.
 */
const nodeOptions = ["--max-semi-space-size=4", "--expose-gc"];

const environment = {
  ELECTRON_RUN_AS_NODE: "1",
  // ggml would start a debugger for its backtrace.
  GGML_NO_BACKTRACE: "1",
  // Of glibc. A model is loaded in several threads, one after the other. Else each would keep, in a heap of its own, what it has
  // freed of headers and vocabularies.
  MALLOC_ARENA_MAX: "1",
};

/** Lines of the log that are kept to explain a crash: more than a failed assertion and its backtrace have. */
const keptLines = 100;

/** For the sidecar to end by itself, in milliseconds: longer than it takes for what it keeps on disk. */
const endMs = 3000;

/**
 * Starts the sidecar with this process's own Node (inside VS Code desktop that is Electron, made to run as Node).
 * @throws when what is installed is for another system; when the process ends or refuses before it answered `initialize`.
 */
export async function startSidecar({
  scriptPath,
  onLog,
  launcher = [],
  gpu,
  display,
}: SidecarOptions): Promise<Sidecar> {
  const problem = platformProblem(join(dirname(scriptPath), ".."));
  if (problem !== undefined) throw new Error(problem);
  const node = [process.execPath, ...nodeOptions, scriptPath, ...(gpu ? gpuArguments(gpu) : [])];
  const [command = process.execPath, ...args] = [...launcher, ...node];
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  const lastLines: string[] = [];
  const onTrial: string[] = [];
  let gpuIsUsed = false;
  const onLine = (line: string) => {
    lastLines.push(line);
    if (lastLines.length > keptLines) lastLines.shift();
    onLog(line);
  };
  let tail = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (tail + chunk).split("\n");
    tail = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
  const exited = new Promise<SidecarEnd>((resolve) => {
    child.once("error", (error) => {
      onLog(String(error));
      resolve({ code: null, signal: null });
    });
    child.once("close", (code, signal) => {
      if (tail) onLine(tail);
      resolve(describeEnd({ code, signal }, gpuIsUsed ? "gpu" : onTrial, lastLines));
    });
  });
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.onError(([error]) => onLog(`connection: ${error.message}`));
  connection.onNotification(trialNotification, ({ modelPath, state }) => {
    if (state === "begun") onTrial.push(modelPath);
    else if (onTrial.includes(modelPath)) onTrial.splice(onTrial.lastIndexOf(modelPath), 1);
  });
  connection.onNotification(gpuNotification, ({ used }) => {
    gpuIsUsed = used;
  });
  connection.listen();
  const dispose = () => {
    connection.dispose();
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), endMs);
    timer.unref();
    void exited.then(() => clearTimeout(timer));
  };
  try {
    const info = await Promise.race([
      connection.sendRequest(initializeRequest, { protocolVersion, ...(display && { display }) }),
      exited.then(({ code, signal }) => {
        const how = signal ?? l10n.t("exit code {0}", code ?? "");
        throw new Error(l10n.t("The engine did not start ({0}). See the log for what it said.", how));
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
