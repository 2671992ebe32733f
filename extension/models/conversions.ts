import { randomUUID } from "node:crypto";
import { CancellationTokenSource, Emitter } from "vscode-jsonrpc";
import type { Sidecar } from "../../engine-native/client.js";
import {
  type Conversion,
  type Converter,
  convertModel,
  writeConversion,
} from "../../engine-native/download/conversion.js";
import { DownloadError } from "../../engine-native/download/errors.js";
import {
  type ConvertProgress,
  type ConvertResult,
  convertProgress,
  convertRequest,
} from "../../engine-native/protocol.js";
import { Stopped } from "./downloads.js";

/** A conversion under way in this window. */
export interface RunningConversion {
  /** Of the model that is converted. */
  readonly name: string;
  readonly folder: string;
  readonly wanted: Conversion;
  progress: ConvertProgress | undefined;
  /** Rejects with Stopped when it was stopped, or the window closes. */
  readonly result: Promise<ConvertResult>;
}

export interface ConversionsOptions {
  /** Starts a sidecar: a conversion has one of its own, and what it computes with another process. */
  start(): Promise<Sidecar>;
  /** What the converting process may take, in bytes. */
  ramCapBytes(): number;
}

/** The conversions of this window. What is asked for and what is done is on the disk. Knows no VS Code. */
export class Conversions {
  private readonly running = new Map<string, RunningConversion & { stop: AbortController }>();
  private readonly didChange = new Emitter<RunningConversion | undefined>();
  /** Fires when a conversion starts, gets on, or ends. */
  readonly onDidChange = this.didChange.event;

  constructor(private readonly options: ConversionsOptions) {}

  get(folder: string, name: string): RunningConversion | undefined {
    const running = this.running.get(name);
    return running?.folder === folder ? running : undefined;
  }

  /** Starts a conversion, or goes on with it; joins one that runs. */
  start(wanted: Conversion, folder: string): RunningConversion {
    const name = wanted.source;
    const before = this.get(folder, name);
    if (before) return before;
    const stop = new AbortController();
    const work = convertModel(wanted, {
      folder,
      converter: this.convert,
      ramCapBytes: this.options.ramCapBytes(),
      signal: stop.signal,
      onProgress: (progress) => {
        running.progress = progress;
        this.didChange.fire(running);
      },
    });
    const result = work.catch(async (error: unknown) => {
      if (stop.signal.aborted) throw new Stopped();
      // Not tried again by itself, unless another window is at it.
      if (!(error instanceof DownloadError)) await writeConversion(folder, { ...wanted, paused: true });
      throw error;
    });
    const running: RunningConversion & { stop: AbortController } = {
      ...{ name, folder, wanted, progress: undefined, result, stop },
    };
    this.running.set(name, running);
    const ended = () => {
      this.running.delete(name);
      this.didChange.fire(undefined);
    };
    result.then(ended, ended);
    this.didChange.fire(running);
    return running;
  }

  /** Stops a conversion until it is asked for again; what is done of it stays. */
  async stop(folder: string, name: string): Promise<void> {
    const running = this.running.get(name);
    if (running?.folder !== folder) return;
    running.stop.abort();
    const stopped = await running.result.catch((error: unknown) => error instanceof Stopped);
    if (stopped === true) await writeConversion(folder, { ...running.wanted, paused: true });
    this.didChange.fire(undefined);
  }

  /** Ends all: what is done stays, to go on with. */
  dispose(): void {
    for (const { stop } of this.running.values()) stop.abort();
    this.didChange.dispose();
  }

  private readonly convert: Converter = async (params, signal, onProgress) => {
    const { connection, dispose } = await this.options.start();
    const cancellation = new CancellationTokenSource();
    const cancel = () => cancellation.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    const progressToken = randomUUID();
    const progress = connection.onProgress(convertProgress, progressToken, onProgress);
    try {
      return await connection.sendRequest(convertRequest, { ...params, progressToken }, cancellation.token);
    } finally {
      signal.removeEventListener("abort", cancel);
      progress.dispose();
      dispose();
    }
  };
}
