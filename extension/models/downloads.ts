import { type DownloadProgress, download } from "../../engine-native/download/download.js";
import type { Http } from "../../engine-native/download/http.js";
import {
  type ModelRecord,
  modelName,
  readRecord,
  removeRecord,
  writeRecord,
} from "../../engine-native/download/record.js";
import { type Task, Tasks } from "./tasks.js";

interface Details {
  readonly record: ModelRecord;
  progress: DownloadProgress | undefined;
  /** Bytes per second, of the last few seconds. */
  rate: number | undefined;
}
/** A download under way in this window. */
export type Running = Task<Details, void>;

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
  private readonly tasks = new Tasks<Details, void>();
  /** Fires when a download starts, gets on (a few times a second), or ends. */
  readonly onDidChange = this.tasks.onDidChange;

  constructor(private readonly options: DownloadsOptions) {}

  get(folder: string, name: string): Running | undefined {
    return this.tasks.get(folder, name);
  }

  /** Starts a download, or goes on with it; joins one that runs. */
  start(wanted: ModelRecord, folder: string): Running {
    const name = modelName(wanted);
    const record = { ...wanted, paused: undefined };
    return this.tasks.add(folder, name, { record, progress: undefined, rate: undefined }, async (running, signal) => {
      const samples: { at: number; bytes: number }[] = [];
      let toldAt = 0;
      try {
        await download(record, {
          ...{ folder, signal, http: this.options.http },
          onProgress: (progress) => {
            running.progress = progress;
            const at = Date.now();
            if (at - toldAt < tellEveryMs) return;
            toldAt = at;
            running.rate = progress.phase === "download" ? rateOf(samples, at, progress.doneBytes) : undefined;
            this.tasks.tell(running);
          },
        });
      } catch (error) {
        if (!signal.aborted) this.options.log(`download of ${name}: ${String(error)}`);
        throw error;
      }
    });
  }

  /** Stops a download and remembers that it is to wait until it is resumed. */
  async pause(folder: string, name: string): Promise<void> {
    await this.tasks.abort(folder, name);
    const record = await readRecord(folder, name);
    if (record && !record.verified) await writeRecord(folder, { ...record, paused: true });
    this.tasks.tell();
  }

  /** Stops a download and removes what has arrived. */
  async cancel(folder: string, name: string): Promise<void> {
    await this.tasks.abort(folder, name);
    const record = await readRecord(folder, name);
    if (record && !record.verified) await removeRecord(folder, record);
    this.tasks.tell();
  }

  /** Ends all: what has arrived stays, to go on with. */
  dispose(): void {
    this.tasks.dispose();
  }
}

function rateOf(samples: { at: number; bytes: number }[], at: number, bytes: number): number | undefined {
  samples.push({ at, bytes });
  while (samples.length > 2 && at - (samples[0]?.at ?? 0) > rateWindowMs) samples.shift();
  const [first] = samples;
  if (!first || at - first.at < 500 || bytes < first.bytes) return undefined;
  return ((bytes - first.bytes) / (at - first.at)) * 1000;
}
