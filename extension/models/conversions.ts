import { DownloadError } from "../../models/errors.js";
import { type Conversion, type Converter, convertModel, writeConversion } from "../../models/library/conversion.js";
import type { Model } from "../../models/library/model.js";
import { cancelledBy, type Sidecar } from "../../protocol/client.js";
import { type ConvertProgress, type ConvertResult, convertProgress, convertRequest } from "../../protocol/messages.js";
import { Turns } from "../../protocol/turns.js";
import { withProgress } from "../engine/progress.js";
import { type Task, Tasks } from "./tasks.js";

interface Details {
  readonly wanted: Conversion;
  progress: ConvertProgress | undefined;
}
/** A conversion under way in this window; `model` is the one that is converted. */
export type RunningConversion = Task<Details, ConvertResult>;

export interface ConversionsOptions {
  /** Starts a sidecar: a conversion has one of its own, and what it computes with another process. */
  start(): Promise<Sidecar>;
  /** What the converting process may take, in bytes. */
  ramCapBytes(): number;
  /**
   * Unloads the model in use while `source` is converted, until the function that it resolves with is called.
   * @throws the reason of `signal`
   */
  leaseMemory(source: string, signal: AbortSignal): Promise<() => void>;
}

/** The conversions of this window. What is asked for and what is done is on the disk. Knows no VS Code. */
export class Conversions {
  private readonly tasks = new Tasks<Details, ConvertResult>();
  /** Fires when a conversion starts, makes progress or ends. */
  readonly onDidChange = this.tasks.onDidChange;

  /** The one that has the memory. */
  private current: RunningConversion | undefined;
  private readonly turns = new Turns();

  constructor(private readonly options: ConversionsOptions) {}

  get(model: Model): RunningConversion | undefined {
    return this.tasks.get(model);
  }

  /** Starts a conversion, or goes on with it; joins one that runs. */
  start(model: Model, wanted: Conversion): RunningConversion {
    return this.tasks.add(model, { wanted, progress: undefined }, async (running, signal) => {
      try {
        return await convertModel(model, wanted, {
          ...{ signal, ramCapBytes: this.options.ramCapBytes() },
          converter: (params, _, onProgress) =>
            this.inTurn(running, signal, () => this.convert(params, signal, onProgress)),
          onProgress: (progress) => {
            running.progress = progress;
            this.tasks.tell(running);
          },
        });
      } catch (error) {
        // Not resumed automatically, unless another window converts it.
        if (!(signal.aborted || error instanceof DownloadError)) await pause(model, wanted);
        throw error;
      }
    });
  }

  /** Stops a conversion until the person resumes it. Its progress is kept. */
  async stop(model: Model): Promise<void> {
    const running = this.get(model);
    if (!running) return;
    if (await this.tasks.abort(model)) await pause(model, running.wanted);
    this.tasks.tell();
  }

  /** Stops the one for which the model in use is unloaded. */
  async stopCurrent(): Promise<void> {
    const { current } = this;
    if (current) await this.stop(current.model);
  }

  /** Ends all. Their progress is kept, to be resumed. */
  dispose(): void {
    this.tasks.dispose();
  }

  /** Runs `work` when no other conversion runs and no model is loaded: the cap is that of all of them. */
  private inTurn<T>(running: RunningConversion, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const alone = async () => {
      this.current = running;
      try {
        const release = await this.options.leaseMemory(running.wanted.source, signal);
        try {
          return await work();
        } finally {
          release();
        }
      } finally {
        this.current = undefined;
      }
    };
    return this.turns.run(alone, signal);
  }

  private readonly convert: Converter = async (params, signal, onProgress) => {
    const { connection, dispose } = await this.options.start();
    try {
      return await withProgress(connection, convertProgress, onProgress, (progressToken) =>
        cancelledBy(signal, ({ token }) => connection.sendRequest(convertRequest, { ...params, progressToken }, token)),
      );
    } finally {
      dispose();
    }
  };
}

function pause(model: Model, wanted: Conversion): Promise<void> {
  return writeConversion(model, { ...wanted, paused: true });
}
