/** What can be known of a model that is not here: its header is fetched, and a file with nothing else is planned. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { createGunzip } from "node:zlib";
import { Parser } from "tar";
import { ResponseError } from "vscode-jsonrpc";
import { estimate } from "../estimate.js";
import type { Plan } from "../protocol.js";
import { DownloadError } from "./errors.js";
import { headerLength } from "./header.js";
import {
  Backoff,
  connectionError,
  defaultPatience,
  type Http,
  hostOf,
  type Patience,
  statusError,
  steadily,
  Transient,
  withinTime,
} from "./http.js";
import { type ModelRecord, modelName } from "./record.js";

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
        : fetchPackedHeader(url, packed, record.files[0]?.bytes, http, signal, patience);
    const what = record.files[packed === undefined ? index : 0]?.name ?? url;
    headers.push(await persistently(fetchOne, url, what, backoff, signal));
    // The header of a model in pieces is in the first.
    if (packed !== undefined) break;
  }
  return headers;
}

async function persistently<T>(
  work: () => Promise<T>,
  url: string,
  what: string,
  backoff: Backoff,
  signal: AbortSignal,
): Promise<T> {
  while (true) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      const failure = connectionError(error, url);
      if (failure instanceof Transient) await backoff.wait(failure, signal);
      else if (failure instanceof DownloadError && failure.kind === "damaged") {
        throw new DownloadError("damaged", `${what}: ${failure.message}`);
      } else throw failure;
    }
  }
}

interface HeaderRequest {
  url: string;
  fileBytes: number | undefined;
  http: Http;
  signal: AbortSignal;
  patience: Patience;
  backoff: Backoff;
}

async function fetchHeader({ url, fileBytes, http, signal, patience, backoff }: HeaderRequest): Promise<Header> {
  let have = Buffer.alloc(0);
  let total = fileBytes;
  while (true) {
    const end = Math.max(firstWindow, 2 * have.length);
    const connection = new AbortController();
    try {
      const response = await withinTime(
        http(url, {
          headers: { range: `bytes=${have.length}-${end - 1}`, "accept-encoding": "identity" },
          signal: AbortSignal.any([signal, connection.signal]),
        }),
        patience.stallMs,
        hostOf(url),
        signal,
      );
      if (response.status !== 206 && response.status !== 200) throw statusError(response, "this model");
      // The whole file comes from its beginning, and is left when enough has come.
      if (response.status === 200) have = Buffer.alloc(0);
      total ??= totalOf(response);
      const pieces: Uint8Array[] = [have];
      let size = have.length;
      for await (const chunk of steadily(response, patience.stallMs, signal)) {
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
        throw new DownloadError("network", `${hostOf(url)} does not tell how large the model is.`);
      return { bytes: have.subarray(0, length), fileBytes: total };
    }
  }
}

function totalOf({ status, header }: { status: number; header(name: string): string | null }): number | undefined {
  const text = status === 206 ? /\/(\d+)$/.exec(header("content-range") ?? "")?.[1] : header("content-length");
  return text === null || text === undefined ? undefined : Number(text);
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
    failure ??= new DownloadError("damaged", `The package can't be read: ${String(error)}`);
  };
  gunzip.on("data", (chunk: Buffer) => void parser.write(chunk));
  gunzip.on("error", fail);
  parser.on("error", fail);
  try {
    const request = http(url, { headers: {}, signal: AbortSignal.any([signal, connection.signal]) });
    const response = await withinTime(request, patience.stallMs, hostOf(url), signal);
    if (response.status !== 200) throw statusError(response, "this package");
    for await (const chunk of steadily(response, patience.stallMs, signal)) {
      await new Promise<void>((resolve) => gunzip.write(chunk, () => resolve()));
      if (failure !== undefined) throw failure;
      if (found) return found;
    }
    throw new DownloadError("damaged", `The package holds no model.`);
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
export function withDisk(plan: Plan, diskBytesPerSecond: number | undefined): Plan {
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

/** A GGUF file with one matrix of F16, random so that no file system makes less of it. */
function sampleModel(): Buffer {
  const columns = 4096;
  const alignment = 32;
  const uint = (size: 4 | 8, value: number) => {
    const bytes = Buffer.alloc(size);
    bytes.writeUIntLE(value, 0, Math.min(6, size));
    return bytes;
  };
  const text = (value: string) => Buffer.concat([uint(8, value.length), Buffer.from(value)]);
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    ...[uint(4, 3), uint(8, 1), uint(8, 1)],
    ...[text("general.architecture"), uint(4, stringValue), text("llama")],
    ...[text("blk.0.ffn_up.weight"), uint(4, 2), uint(8, columns), uint(8, sampleBytes / 2 / columns)],
    ...[uint(4, float16), uint(8, 0)],
  ]);
  const padding = Buffer.alloc((alignment - (header.length % alignment)) % alignment);
  return Buffer.concat([header, padding, randomBytes(sampleBytes)]);
}
/** Numbers of the format: a value's type string, a tensor's type F16. */
const stringValue = 8;
const float16 = 1;
