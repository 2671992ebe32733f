/** `flint download`: a model by any name, into the models folder. */
import { join, resolve } from "node:path";
import { gigabytes } from "../download/disk.js";
import { type DownloadProgress, doneBytes, download as downloadModel } from "../download/download.js";
import { DownloadError } from "../download/errors.js";
import { defaultModelsFolder } from "../download/folder.js";
import { hubEndpoint } from "../download/hub.js";
import { nodeHttp } from "../download/nodeHttp.js";
import { partPath, readRecord } from "../download/record.js";
import { parseReference } from "../download/reference.js";
import { type Candidate, type Found, Sources, usual } from "../download/source.js";

export interface DownloadCommandOptions {
  dir?: string;
  json?: boolean;
}

/** What a reference leads to, for the commands that take one. Proxies are those of the environment. */
export async function environmentSources(): Promise<Sources> {
  if (["http_proxy", "https_proxy"].some((name) => process.env[name] || process.env[name.toUpperCase()])) {
    // Only then: it takes time and memory to load.
    const { useEnvironmentProxies } = await import("./proxies.js");
    useEnvironmentProxies();
    return new Sources({ fetch: globalThis.fetch });
  }
  return new Sources({ fetch: globalThis.fetch, http: nodeHttp });
}

/** Downloads, or goes on with a download. @throws DownloadError; what `signal` says when it is aborted */
export async function download(text: string, options: DownloadCommandOptions, signal: AbortSignal): Promise<void> {
  const reference = parseReference(text, { hubUrl: hubEndpoint(), folder: process.cwd() });
  if (reference.kind === "file") {
    throw new DownloadError("reference", `${reference.path} is a file of this machine: use it as it is.`);
  }
  const folder = options.dir === undefined ? defaultModelsFolder() : resolve(options.dir);
  const sources = await environmentSources();
  const found = await sources.find(reference, signal);
  const candidate = choose(found);
  const before = await readRecord(folder, candidate.name);
  const resumedBytes = before && !before.verified ? doneBytes(before) : 0;
  const bar = new Line(candidate.name);
  const began = performance.now();
  try {
    const record = await downloadModel(candidate.record, {
      folder,
      signal,
      http: (client) => sources.http(client),
      onProgress: (progress) => bar.show(progress),
    });
    const path = join(folder, candidate.name);
    const seconds = (performance.now() - began) / 1000;
    if (!options.json) {
      bar.end();
      process.stdout.write(`${path}\n`);
      return;
    }
    const files = record.files.map(({ name, digest }) => ({ path: join(folder, name), sha256: digest?.hex ?? null }));
    const report = { reference: text, path, files, licence: found.licence ?? null, resumedBytes, seconds };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  } catch (error) {
    bar.end();
    const kept = await readRecord(folder, candidate.name);
    if (signal.aborted && kept) {
      process.stderr.write(
        `Stopped. ${gigabytes(doneBytes(kept))} are kept in ${partPath(folder, candidate.name, 0)}: the same command goes on there.\n`,
      );
    }
    throw error;
  }
}

/** The model that is meant where several could be. */
export function choose({ candidates, title }: Found): Candidate {
  const candidate = usual(candidates);
  if (!candidate) throw new DownloadError("notFound", `${title} has no model.`);
  return candidate;
}

/** One line of progress on a terminal; on anything else, a line every few seconds. */
class Line {
  private shownAt = process.stderr.isTTY ? 0 : performance.now();
  private first: { bytes: number; at: number } | undefined;

  constructor(private readonly name: string) {}

  show({ phase, doneBytes, totalBytes }: DownloadProgress): void {
    const now = performance.now();
    const { isTTY } = process.stderr;
    this.first ??= { bytes: doneBytes, at: now };
    if (now - this.shownAt < (isTTY ? 200 : 5000)) return;
    this.shownAt = now;
    const total = totalBytes === undefined ? "" : ` of ${gigabytes(totalBytes)}`;
    const rate = ((doneBytes - this.first.bytes) / (now - this.first.at)) * 1000;
    const left = totalBytes !== undefined && rate > 0 ? Math.max(0, totalBytes - doneBytes) / rate : undefined;
    const speed =
      phase === "download" && rate > 0
        ? `, ${(rate / 1e6).toFixed(1)} MB/s${left === undefined ? "" : `, ${Math.ceil(left)} s left`}`
        : "";
    const text = `${this.name}: ${phase === "verify" ? "checking, " : ""}${gigabytes(doneBytes)}${total}${speed}`;
    process.stderr.write(isTTY ? `\r\u001b[K${text}` : `${text}\n`);
  }

  end(): void {
    if (process.stderr.isTTY && this.shownAt > 0) process.stderr.write("\n");
  }
}
