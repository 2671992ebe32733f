/** How far a download is: a bar on a terminal; on anything else, a line every few seconds. On standard error. */
import { type Options, Presets, SingleBar } from "cli-progress";
import { gigabytes } from "../models/disk.js";
import type { DownloadProgress } from "../models/download.js";

const tellEveryMs = { terminal: 100, otherwise: 5000 };

export class DownloadBar {
  private readonly terminal = process.stderr.isTTY;
  private bar: SingleBar | undefined;
  private shownAt = this.terminal ? 0 : performance.now();
  private first: { bytes: number; at: number } | undefined;

  /** @param name of the model */
  constructor(private readonly name: string) {}

  show(progress: DownloadProgress): void {
    const now = performance.now();
    this.first ??= { bytes: progress.doneBytes, at: now };
    const { doneBytes, totalBytes } = progress;
    const rest = this.terminal ? tellEveryMs.terminal : tellEveryMs.otherwise;
    if (now - this.shownAt < rest && !(this.terminal && doneBytes === totalBytes)) return;
    this.shownAt = now;
    const rate = ((doneBytes - this.first.bytes) / (now - this.first.at)) * 1000;
    if (this.terminal && totalBytes !== undefined) this.showBar(progress, totalBytes, rate);
    else process.stderr.write(`${this.line(progress, rate)}\n`);
  }

  end(): void {
    this.bar?.stop();
    this.bar = undefined;
  }

  private showBar({ phase, doneBytes }: DownloadProgress, totalBytes: number, rate: number): void {
    const told = phase === "verify" ? "checking" : rate > 0 ? speed(rate) : "";
    if (!this.bar) {
      const options: Options = {
        format: `${this.name} {bar} {percentage}% of ${gigabytes(totalBytes)}  {told}`,
        stream: process.stderr,
        hideCursor: true,
      };
      this.bar = new SingleBar(options, Presets.shades_classic);
      this.bar.start(totalBytes, doneBytes, { told });
    } else {
      this.bar.setTotal(totalBytes);
      this.bar.update(doneBytes, { told });
    }
  }

  private line({ phase, doneBytes, totalBytes }: DownloadProgress, rate: number): string {
    const total = totalBytes === undefined ? "" : ` of ${gigabytes(totalBytes)}`;
    const left = totalBytes === undefined ? "" : `, ${Math.ceil(Math.max(0, totalBytes - doneBytes) / rate)} s left`;
    const told = phase === "download" && rate > 0 ? `, ${speed(rate)}${left}` : "";
    return `${this.name}: ${phase === "verify" ? "checking, " : ""}${gigabytes(doneBytes)}${total}${told}`;
  }
}

const speed = (bytesPerSecond: number) => `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`;
