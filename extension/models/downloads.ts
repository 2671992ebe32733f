import { type DownloadProgress, download } from "../../models/download.js";
import type { Model } from "../../models/library/model.js";
import type { ModelRecord } from "../../models/record.js";
import type { Http } from "../../models/transfer/http.js";
import { type Task, Tasks } from "./tasks.js";

interface Details {
  readonly record: ModelRecord;
  progress: DownloadProgress | undefined;
  /** Bytes per second, of the last few seconds. */
  rate: number | undefined;
}
/** A download under way in this window. */
export type RunningDownload = Task<Details, void>;

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
  /** Fires when a download starts, makes progress (a few times a second) or ends. */
  readonly onDidChange = this.tasks.onDidChange;

  constructor(private readonly options: DownloadsOptions) {}

  get(model: Model): RunningDownload | undefined {
    return this.tasks.get(model);
  }

  /** Starts a download, or goes on with it; joins one that runs. */
  start(model: Model, wanted: ModelRecord): RunningDownload {
    const record = { ...wanted, paused: undefined };
    return this.tasks.add(model, { record, progress: undefined, rate: undefined }, async (running, signal) => {
      const samples: { at: number; bytes: number }[] = [];
      let toldAt = 0;
      try {
        await download(record, {
          ...{ folder: model.folder, signal, http: this.options.http },
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
        if (!signal.aborted) this.options.log(`download of ${model.name}: ${String(error)}`);
        throw error;
      }
    });
  }

  /** Stops a download until the person resumes it. */
  async pause(model: Model): Promise<void> {
    await this.tasks.abort(model);
    const record = await model.readRecord();
    if (record && !record.verified) await model.writeRecord({ ...record, paused: true });
    this.tasks.tell();
  }

  /** Stops a download and removes what has arrived. */
  async cancel(model: Model): Promise<void> {
    await this.tasks.abort(model);
    const record = await model.readRecord();
    if (record && !record.verified) await model.removeRecord(record);
    this.tasks.tell();
  }

  /** Ends all. What has arrived is kept, to be resumed. */
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
