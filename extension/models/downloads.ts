import { Emitter } from "vscode-jsonrpc";
import { type DownloadProgress, download } from "../../engine-native/download/download.js";
import { DownloadError } from "../../engine-native/download/errors.js";
import type { Http } from "../../engine-native/download/http.js";
import {
  type ModelRecord,
  modelName,
  readRecord,
  removeRecord,
  writeRecord,
} from "../../engine-native/download/record.js";

/** A download under way in this window. */
export interface Running {
  readonly name: string;
  readonly record: ModelRecord;
  readonly folder: string;
  progress: DownloadProgress | undefined;
  /** Bytes per second, of the last few seconds. */
  rate: number | undefined;
  /** Resolves with the path of the first file; rejects with DownloadError, or with Stopped. */
  readonly result: Promise<void>;
}

/** It was paused or cancelled, or its window closes; there is nothing to tell. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

export interface DownloadsOptions {
  http(client: ModelRecord["client"]): Promise<Http>;
  log(line: string): void;
}

const rateWindowMs = 5000;
const tellEveryMs = 250;

/**
 * The downloads of this window. How far each has come is on the disk, in its folder, so that it goes on after a reload
 * of the window or a reboot. Knows no VS Code.
 */
export class Downloads {
  private readonly running = new Map<string, Running & { stop: AbortController }>();
  private readonly didChange = new Emitter<Running | undefined>();
  /** Fires when a download starts, gets on (a few times a second), or ends. */
  readonly onDidChange = this.didChange.event;

  constructor(private readonly options: DownloadsOptions) {}

  get(folder: string, name: string): Running | undefined {
    const running = this.running.get(name);
    return running?.folder === folder ? running : undefined;
  }

  /** Starts a download, or goes on with it; joins one that runs. */
  start(wanted: ModelRecord, folder: string): Running {
    const name = modelName(wanted);
    const before = this.get(folder, name);
    if (before) return before;
    const record = { ...wanted, paused: undefined };
    const stop = new AbortController();
    const samples: { at: number; bytes: number }[] = [];
    let toldAt = 0;
    const work = download(record, {
      folder,
      signal: stop.signal,
      http: this.options.http,
      onProgress: (progress) => {
        running.progress = progress;
        const at = Date.now();
        if (at - toldAt < tellEveryMs) return;
        toldAt = at;
        running.rate = progress.phase === "download" ? rateOf(samples, at, progress.doneBytes) : undefined;
        this.didChange.fire(running);
      },
    });
    const result = work.then(
      () => undefined,
      (error: unknown) => {
        if (stop.signal.aborted) throw new Stopped();
        this.options.log(`download of ${name}: ${String(error)}`);
        throw error;
      },
    );
    const running = { name, record, folder, progress: undefined, rate: undefined, result, stop } as Running & {
      stop: AbortController;
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

  /** Stops a download and remembers that it is to wait until it is resumed. */
  async pause(folder: string, name: string): Promise<void> {
    await this.stop(folder, name);
    const record = await readRecord(folder, name);
    if (record && !record.verified) await writeRecord(folder, { ...record, paused: true });
    this.didChange.fire(undefined);
  }

  /** Stops a download and removes what has arrived. */
  async cancel(folder: string, name: string): Promise<void> {
    await this.stop(folder, name);
    const record = await readRecord(folder, name);
    if (record && !record.verified) await removeRecord(folder, record);
    this.didChange.fire(undefined);
  }

  /** Ends all: what has arrived stays, to go on with. */
  dispose(): void {
    for (const { stop } of this.running.values()) stop.abort();
    this.didChange.dispose();
  }

  private async stop(folder: string, name: string): Promise<void> {
    const running = this.running.get(name);
    if (!running || running.folder !== folder) return;
    running.stop.abort();
    await running.result.catch((error: unknown) => {
      if (!(error instanceof Stopped || error instanceof DownloadError)) throw error;
    });
  }
}

function rateOf(samples: { at: number; bytes: number }[], at: number, bytes: number): number | undefined {
  samples.push({ at, bytes });
  while (samples.length > 2 && at - (samples[0]?.at ?? 0) > rateWindowMs) samples.shift();
  const [first] = samples;
  if (!first || at - first.at < 500 || bytes < first.bytes) return undefined;
  return ((bytes - first.bytes) / (at - first.at)) * 1000;
}
