import { randomUUID } from "node:crypto";
import { cancelledBy, type Sidecar } from "../../engine-native/client.js";
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
import { eventOr } from "../engine/events.js";
import { type Task, Tasks } from "./tasks.js";

interface Details {
  readonly wanted: Conversion;
  progress: ConvertProgress | undefined;
}
/** A conversion under way in this window; `name` is that of the model that is converted. */
export type RunningConversion = Task<Details, ConvertResult>;

export interface ConversionsOptions {
  /** Starts a sidecar: a conversion has one of its own, and what it computes with another process. */
  start(): Promise<Sidecar>;
  /** What the converting process may take, in bytes. */
  ramCapBytes(): number;
  /**
   * Gives up the memory that the model in use takes, for converting `source`, until the function that it resolves with is
   * called. @throws what `signal` says
   */
  makeRoom(source: string, signal: AbortSignal): Promise<() => void>;
}

/** The conversions of this window. What is asked for and what is done is on the disk. Knows no VS Code. */
export class Conversions {
  private readonly tasks = new Tasks<Details, ConvertResult>();
  /** Fires when a conversion starts, gets on, or ends. */
  readonly onDidChange = this.tasks.onDidChange;

  /** The one that has the memory. */
  private current: RunningConversion | undefined;

  constructor(private readonly options: ConversionsOptions) {}

  get(folder: string, name: string): RunningConversion | undefined {
    return this.tasks.get(folder, name);
  }

  /** Starts a conversion, or goes on with it; joins one that runs. */
  start(wanted: Conversion, folder: string): RunningConversion {
    return this.tasks.add(folder, wanted.source, { wanted, progress: undefined }, async (running, signal) => {
      try {
        return await convertModel(wanted, {
          ...{ folder, signal, ramCapBytes: this.options.ramCapBytes() },
          converter: (params, _, onProgress) =>
            this.inTurn(running, signal, () => this.convert(params, signal, onProgress)),
          onProgress: (progress) => {
            running.progress = progress;
            this.tasks.tell(running);
          },
        });
      } catch (error) {
        // Not tried again by itself, unless another window is at it.
        if (!(signal.aborted || error instanceof DownloadError)) await pause(folder, wanted);
        throw error;
      }
    });
  }

  /** Stops a conversion until it is asked for again; what is done of it stays. */
  async stop(folder: string, name: string): Promise<void> {
    const running = this.get(folder, name);
    if (!running) return;
    if (await this.tasks.abort(folder, name)) await pause(folder, running.wanted);
    this.tasks.tell();
  }

  /** Stops the one for which the model in use is unloaded. */
  async stopCurrent(): Promise<void> {
    const { current } = this;
    if (current) await this.stop(current.folder, current.wanted.source);
  }

  /** Ends all: what is done stays, to go on with. */
  dispose(): void {
    this.tasks.dispose();
  }

  /** Runs `work` when no other conversion runs and no model is loaded: the cap is that of all of them. */
  private async inTurn<T>(running: RunningConversion, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    while (this.current) await eventOr(this.onDidChange, signal);
    this.current = running;
    try {
      const giveBack = await this.options.makeRoom(running.wanted.source, signal);
      try {
        return await work();
      } finally {
        giveBack();
      }
    } finally {
      this.current = undefined;
    }
  }

  private readonly convert: Converter = async (params, signal, onProgress) => {
    const { connection, dispose } = await this.options.start();
    const progressToken = randomUUID();
    const progress = connection.onProgress(convertProgress, progressToken, onProgress);
    try {
      const request = { ...params, progressToken };
      return await cancelledBy(signal, ({ token }) => connection.sendRequest(convertRequest, request, token));
    } finally {
      progress.dispose();
      dispose();
    }
  };
}

function pause(folder: string, wanted: Conversion): Promise<void> {
  return writeConversion(folder, { ...wanted, paused: true });
}
