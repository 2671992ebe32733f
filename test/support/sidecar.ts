/** Sidecars for tests: the built one, started as clients start it or without a first request. */
import { type ChildProcess, spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import {
  CancellationTokenSource,
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from "vscode-jsonrpc/node";
import { createMemoryCgroup, type MemoryCgroup, NoCgroup } from "../../cli/bench/cgroup.js";
import { type Sidecar, startSidecar } from "../../protocol/client.js";
import {
  type Display,
  type GenerationProgress,
  type GenerationResult,
  generationProgress,
  type LoadParams,
  type LoadResult,
  loadRequest,
} from "../../protocol/messages.js";
import { inCheckout } from "./flint.js";

export const sidecarScript: string = inCheckout("dist/sidecar.js");

/** A sidecar that is initialized, and has ended with the test: it may write to the test's folders until then. */
export async function sidecar(
  onLog: (line: string) => void = () => undefined,
  launcher: readonly string[] = [],
  display?: Display,
): Promise<Sidecar> {
  const started = await startSidecar({ scriptPath: sidecarScript, onLog, launcher, display });
  onTestFinished(async () => {
    started.dispose();
    await started.exited;
  });
  return started;
}

/** What holds a {@link cappedSidecar} to its limit here, in words. */
export async function heldBy(): Promise<string> {
  try {
    const group = await createMemoryCgroup(64 * 1024 ** 2);
    await group.remove();
    return `a memory cgroup (v${group.version})`;
  } catch (error) {
    if (error instanceof NoCgroup) return `nothing: its resident size is looked at, as ${error.message}`;
    throw error;
  }
}

export interface CappedSidecar {
  sidecar: Sidecar;
  /** Undefined where this system or user has none. */
  group: MemoryCgroup | undefined;
  /** What it has logged so far. */
  log: readonly string[];
}

/** A sidecar in a memory cgroup of this size, page cache included. Both end with the test. */
export async function cappedSidecar(limitBytes: number): Promise<CappedSidecar> {
  const group = await createMemoryCgroup(limitBytes).catch((error: unknown) => {
    if (error instanceof NoCgroup) return undefined;
    throw error;
  });
  const log: string[] = [];
  const sidecar = await startSidecar({
    scriptPath: sidecarScript,
    onLog: (line) => log.push(line),
    ...(group ? { launcher: group.launcher } : {}),
  });
  onTestFinished(async () => {
    sidecar.dispose();
    await sidecar.exited;
    await group?.remove();
  });
  return { sidecar, group, log };
}

/** A sidecar that was asked nothing yet. */
export interface Uninitialized {
  connection: MessageConnection;
  process: ChildProcess;
  /** All bytes of its standard output, when it has ended, and its status. */
  exited: Promise<{ stdout: Buffer; status: number | null }>;
}

export function uninitializedSidecar(): Uninitialized {
  const child = spawn(process.execPath, [sidecarScript], { stdio: ["pipe", "pipe", "ignore"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  const exited = new Promise<{ stdout: Buffer; status: number | null }>((resolve) => {
    child.once("close", (status) => resolve({ stdout: Buffer.concat(chunks), status }));
  });
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  onTestFinished(() => {
    connection.dispose();
    child.kill("SIGKILL");
  });
  return { connection, process: child, exited };
}

/** Loads a model with flash, under a cap of 4 GiB unless told otherwise. */
export const load = (
  { connection }: Pick<Sidecar, "connection">,
  modelPath: string,
  more: Partial<LoadParams> = {},
): Promise<LoadResult> =>
  connection.sendRequest(loadRequest, {
    modelPath,
    engine: "flash",
    ramCapBytes: 4 * 1024 ** 3,
    contextTokens: 512,
    ...more,
  });

/** A generation that is watched, and can be cancelled. */
export interface Watched {
  result: Promise<GenerationResult>;
  /** All progress so far. */
  progress: GenerationProgress[];
  /** The text of all progress so far. */
  text(): string;
  /** Resolves when so many tokens or pieces of text have come. Rejects, as `told` does, where the generation ends before that. */
  reached(pieces: number): Promise<void>;
  /** Resolves when such progress comes. */
  told(such: (progress: GenerationProgress) => boolean): Promise<void>;
  cancel(): void;
}

let tokens = 0;

/** Sends a request for text; `send` is called with the token to report progress to. */
export function watch(
  { connection }: Pick<Sidecar, "connection">,
  send: (progressToken: string, cancellation: CancellationTokenSource["token"]) => Promise<GenerationResult>,
): Watched {
  const progressToken = `watched-${++tokens}`;
  const cancellation = new CancellationTokenSource();
  const progress: GenerationProgress[] = [];
  const pieces = () => progress.filter(({ kind }) => kind === "text").length;
  const waiting: { fulfilled(value: GenerationProgress): boolean; resolve(): void; reject(error: Error): void }[] = [];
  let ended = false;
  const wait = (fulfilled: (value: GenerationProgress) => boolean) =>
    new Promise<void>((resolve, reject) => {
      if (ended) reject(tooFew());
      else waiting.push({ fulfilled, resolve, reject });
    });
  const tooFew = () =>
    new Error(`the generation ended after ${progress.length} messages of progress, without what was waited for`);
  const listener = connection.onProgress(generationProgress, progressToken, (value) => {
    progress.push(value);
    for (const { fulfilled, resolve } of waiting) if (fulfilled(value)) resolve();
  });
  const result = send(progressToken, cancellation.token).finally(() => {
    listener.dispose();
    ended = true;
    for (const { reject } of waiting) reject(tooFew());
  });
  // Whoever does not await it has ended the sidecar on purpose.
  result.catch(() => undefined);
  return {
    result,
    progress,
    text: () => progress.map((value) => (value.kind === "text" ? value.text : "")).join(""),
    reached: (wanted) => (pieces() >= wanted ? Promise.resolve() : wait(() => pieces() >= wanted)),
    told: wait,
    cancel: () => cancellation.cancel(),
  };
}
