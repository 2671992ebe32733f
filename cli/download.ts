/** `flint download`: a model by any name, into the models folder. */
import { resolve } from "node:path";
import { gigabytes } from "../models/disk.js";
import { doneBytes, download as downloadModel } from "../models/download.js";
import { DownloadError } from "../models/errors.js";
import { defaultModelsFolder } from "../models/library/folder.js";
import { Model } from "../models/library/model.js";
import { hubEndpoint } from "../models/sources/hub.js";
import { parseReference } from "../models/sources/reference.js";
import type { Candidate, ResolvedReference } from "../models/sources/resolved.js";
import { preferredCandidate, Sources } from "../models/sources/source.js";
import { hostOf } from "../models/transfer/http.js";
import { nodeHttp } from "../models/transfer/nodeHttp.js";
import { DownloadBar } from "./downloadBar.js";

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
    throw new DownloadError(
      "reference",
      `${reference.path} is already a file on this machine: pass its path to the other commands.`,
    );
  }
  const folder = options.dir === undefined ? defaultModelsFolder() : resolve(options.dir);
  const sources = await environmentSources();
  const found = await sources.find(reference, signal);
  const candidate = choose(found);
  const server = hostOf(candidate.record.transfers[0]?.url ?? "");
  if (found.insteadOf !== undefined) {
    process.stderr.write(`${found.insteadOf}. Downloading the same model from ${server} instead.\n`);
  }
  const model = new Model(folder, candidate.name);
  const before = await model.readRecord();
  const resumedBytes = before && !before.verified ? doneBytes(before) : 0;
  const bar = new DownloadBar(candidate.name);
  const began = performance.now();
  try {
    const record = await downloadModel(candidate.record, {
      folder,
      signal,
      http: (client) => sources.http(client),
      onProgress: (progress) => bar.show(progress),
    });
    const { path } = model;
    const seconds = (performance.now() - began) / 1000;
    if (!options.json) {
      bar.end();
      process.stderr.write(`${candidate.name}: Served by ${server}.\n`);
      process.stdout.write(`${path}\n`);
      return;
    }
    const files = record.files.map(({ name, digest }) => ({ path: model.pathOf(name), sha256: digest?.hex ?? null }));
    const report = { reference: text, path, files, server, licence: found.licence ?? null, resumedBytes, seconds };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  } catch (error) {
    bar.end();
    const kept = await model.readRecord();
    if (signal.aborted && kept) {
      process.stderr.write(
        `Stopped. ${gigabytes(doneBytes(kept))} are kept in ${model.partPath(0)}: run the same command again to resume.\n`,
      );
    }
    throw error;
  }
}

/** The model that is meant where several could be. */
export function choose({ candidates, title }: ResolvedReference): Candidate {
  const candidate = preferredCandidate(candidates);
  if (!candidate) throw new DownloadError("notFound", `${title} has no model.`);
  return candidate;
}
