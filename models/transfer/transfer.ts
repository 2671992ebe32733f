/**
 * One file from a server to the disk: by ranges over several connections where the server answers them, resumed with
 * If-Range, checked against its digest. RFC 9110, 13.1.5 (If-Range), 14 (ranges), 10.2.3 (Retry-After).
 */

import { dirname } from "node:path";
import * as l10n from "@vscode/l10n";
import pRetry from "p-retry";
import { diskError } from "../disk.js";
import { DownloadError } from "../errors.js";
import { type Digest, newTransferState, received, type TransferState } from "../record.js";
import { type Hasher, startHasher } from "./hasher.js";
import {
  Backoff,
  connectionError,
  type Http,
  type HttpResponse,
  hostOf,
  type Patience,
  pipeBody,
  retrying,
  statusError,
  Transient,
  validatorOf,
  withTimeout,
} from "./http.js";
import { PartFile, type Snapshot } from "./partFile.js";
import { Restart, requireRange } from "./range.js";
import { Slots } from "./slots.js";
import { bounded, type Span, SpanWriter } from "./spanWriter.js";

export interface TransferOptions {
  url: string;
  /** What it is, for people. */
  what: string;
  /** Promised by the source. */
  bytes?: number | undefined;
  digest?: Digest | undefined;
  /** Where it is written to. The folder exists. */
  path: string;
  /** Where it stands; changed as the transfer goes on. */
  state: TransferState;
  /** Takes down where everything stands now; the returned function writes that, once the file's bytes are on the disk. */
  snapshot: Snapshot;
  onProgress(phase: "download" | "verify", doneBytes: number): void;
  http: Http;
  patience: Patience;
  connections: number;
  /** How often the first connection is looked at, whether it is fast enough without the others. */
  aloneMs: number;
  signal: AbortSignal;
}

/** A second time may be bad luck, a third is a broken server. */
const mostRestarts = 2;

const saveEveryMs = 1000;
/** While the disk or the digest waits for the processor, so much more comes. */
const slotCount = 12;
/** With chunks that are copied, which take memory of their own: one for each connection, and one on its way. */
const copySlotCount = 5;
/** The digest goes on behind what is written when there is so much. */
const hashBytes = 4 << 20;
/**
 * One connection that brings so much in a second has the line for itself. Others would bring no more; and what arrives
 * in order is hashed from memory.
 */
const fastBytes = 200e6;
const unknownEnd = Number.MAX_SAFE_INTEGER;

/**
 * Resolves when the whole file is at `path`, on the disk, and its digest is right. Afterwards `state.verified` is set.
 * Whatever else happens, what has arrived is kept for the next call with the same state.
 * @throws DownloadError; what `signal` says when it is aborted
 */
export async function transfer(options: TransferOptions): Promise<void> {
  const { state } = options;
  if (state.verified) return;
  let attempts = 0;
  try {
    await pRetry(() => new Attempt(options).run(), {
      retries: mostRestarts,
      minTimeout: 0,
      onFailedAttempt: ({ error, attemptNumber }) => {
        attempts = attemptNumber;
        if (!(error instanceof Restart)) return;
        Object.assign(state, { validator: undefined, bytes: undefined }, newTransferState(), { ranges: error.ranges });
      },
      shouldRetry: ({ error }) => error instanceof Restart && !options.signal.aborted,
    });
  } catch (error) {
    if (!(error instanceof Restart)) throw error;
    await options.snapshot()();
    throw new DownloadError(error.kind, l10n.t("{0} It was downloaded {1} times.", error.message, attempts), {
      cause: error,
    });
  }
}

class Attempt {
  private readonly folder: string;
  private readonly taken = new Set<Span>();
  /** Where redirects led to, so that not every range has to go through them. */
  private target: string;
  private hasher: Hasher | undefined;
  private readonly slots = new Slots(slotCount);

  constructor(private readonly options: TransferOptions) {
    this.folder = dirname(options.path);
    this.target = options.url;
  }

  async run(): Promise<void> {
    const { options } = this;
    const { state, path, digest, signal } = options;
    let file: PartFile | undefined;
    // What is left to hash may take minutes.
    const stopHashing = () => this.hasher?.dispose();
    signal.addEventListener("abort", stopHashing, { once: true });
    try {
      // Before it is needed: a thread takes as long to start as a server to answer.
      this.startHashing();
      if (state.bytes === undefined || !state.ranges) await this.probe();
      file = await PartFile.open(path, state, options.snapshot);
      await this.fetchAll(file);
      signal.throwIfAborted();
      // The disk takes what it has not got yet while the rest is hashed.
      await Promise.all([file.save(), this.verify(digest)]);
      state.verified = true;
      await file.save();
    } finally {
      signal.removeEventListener("abort", stopHashing);
      this.hasher?.dispose();
      await file?.close();
    }
  }

  /** Asks for one byte, to learn the length, the validator, and whether ranges are answered. */
  private async probe(): Promise<void> {
    const { state, bytes, digest, what } = this.options;
    const ranges = state.ranges;
    Object.assign(state, newTransferState(), { ranges });
    await retrying(new Backoff(this.options.patience), this.options.signal, async () => {
      await this.request(ranges ? { range: "bytes=0-0" } : {}, this.options.signal, async (response) => {
        const total = /^bytes 0-0\/(\d+)$/.exec(response.header("content-range") ?? "")?.[1];
        if (response.status !== 206 && response.status !== 200) {
          if (response.status === 416)
            throw new DownloadError("damaged", l10n.t("{0} is empty on {1}.", what, hostOf(this.target)));
          throw statusError(response, what);
        }
        state.ranges = ranges && response.status === 206 && total !== undefined;
        const length = response.status === 206 ? total : response.header("content-length");
        const known = length === null || length === undefined ? undefined : Number(length);
        if (known !== undefined && bytes !== undefined && known !== bytes) {
          throw new DownloadError(
            "damaged",
            l10n.t("{0} has {1} bytes for {2}, not {3}.", hostOf(this.target), known, what, bytes),
          );
        }
        state.bytes = known ?? bytes;
        state.validator = validatorOf(response);
        this.target = response.url;
      });
    });
    // Without a length there is nothing to divide; with nothing to tell versions apart, pieces of two could be joined.
    if (state.bytes === undefined || (state.validator === undefined && !digest)) state.ranges = false;
  }

  private startHashing(): void {
    const { state, path, digest, onProgress } = this.options;
    this.hasher?.dispose();
    if (!digest) return;
    this.hasher = startHasher({
      path,
      algorithm: digest.algorithm,
      memory: this.slots.memory,
      onProgress: (hashed) => {
        if (received(state) === state.bytes) onProgress("verify", hashed);
      },
    });
  }

  private async fetchAll(file: PartFile): Promise<void> {
    const { state, connections, signal, aloneMs } = this.options;
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    let failure: { error: unknown } | undefined;
    const fail = (error: unknown) => {
      failure ??= { error };
      stop.abort();
    };
    // Meanwhile the first bytes come.
    void file.save().catch(fail);
    const timer = setInterval(() => void file.save().catch(fail), saveEveryMs);
    const workers = [this.work(file, both).catch(fail)];
    let before = received(state);
    const speedTimer = setInterval(() => {
      const enough = received(state) - before >= (fastBytes * aloneMs) / 1000;
      before = received(state);
      if (enough) return;
      clearInterval(speedTimer);
      const more = state.ranges ? connections - 1 : 0;
      workers.push(...Array.from({ length: more }, () => this.work(file, both).catch(fail)));
    }, aloneMs);
    try {
      // Also for those that join while others are waited for.
      for (const worker of workers) await worker;
    } finally {
      clearInterval(timer);
      clearInterval(speedTimer);
      await file.saved;
    }
    // Stopped after the last byte has come, no worker fails.
    if ((failure || signal.aborted) && !(failure?.error instanceof Restart)) {
      // What has arrived counts next time; but that this can't be written must not hide why it ended.
      await file.save().catch(() => undefined);
    }
    signal.throwIfAborted();
    if (failure) throw failure.error;
  }

  /** Takes one span after the other until none is left. */
  private async work(file: PartFile, signal: AbortSignal): Promise<void> {
    const { state, patience } = this.options;
    const backoff = new Backoff(patience);
    // The disk takes the end of one span while the next is asked for.
    let ending = Promise.resolve();
    for (let span = this.claim(); span; span = this.claim()) {
      const mine = span;
      const writer = await retrying(backoff, signal, async () => {
        if (!state.ranges && mine.next > 0) {
          mine.next = 0;
          this.startHashing();
        }
        return this.read(file, mine, backoff, signal);
      });
      await ending;
      ending = this.end(mine, writer);
      // Told to whoever waits for it.
      ending.catch(() => undefined);
    }
    await ending;
  }

  private claim(): Span | undefined {
    const { state } = this.options;
    const left = state.spans.find((span) => !this.taken.has(span));
    if (left) {
      this.taken.add(left);
      return left;
    }
    const bytes = state.bytes ?? unknownEnd;
    if (state.claimed >= bytes) return undefined;
    const length = state.ranges ? spanBytes(bytes) : bytes;
    const span = { start: state.claimed, next: state.claimed, end: Math.min(bytes, state.claimed + length) };
    state.claimed = span.end;
    state.spans.push(span);
    this.taken.add(span);
    return span;
  }

  /** @returns the writer that has got all of the span */
  private read(file: PartFile, span: Span, backoff: Backoff, signal: AbortSignal): Promise<SpanWriter> {
    const { state, patience } = this.options;
    const headers: Record<string, string> = {};
    if (state.ranges) {
      headers["range"] = `bytes=${span.next}-${span.end - 1}`;
      if (state.validator !== undefined) headers["if-range"] = state.validator;
    }
    return this.request(headers, signal, async (response) => {
      if (state.ranges) requireRange(response, span, state, this.options.what);
      else if (response.status !== 200) throw statusError(response, this.options.what);
      this.target = response.url;
      const writer = new SpanWriter(span, {
        file,
        slots: this.slots,
        hasher: this.hasher,
        front: () => this.front(),
        onWritten: () => {
          // Without ranges a cut means starting over: that is not getting on.
          if (state.ranges) backoff.progressed();
          this.tell();
        },
      });
      try {
        await pipeBody(response, bounded(writer, span, state.ranges, this.options.what), patience.stallMs, signal);
      } catch (error) {
        await writer.end();
        throw error;
      }
      if (span.end === unknownEnd) {
        state.bytes = state.claimed = span.end = writer.next;
      } else if (writer.next < span.end) {
        await writer.end();
        throw new Transient(
          l10n.t("{0} closed the connection {1} bytes early", hostOf(response.url), span.end - writer.next),
        );
      }
      return writer;
    });
  }

  private async end(span: Span, writer: SpanWriter): Promise<void> {
    await writer.end();
    const { state } = this.options;
    state.spans = state.spans.filter((other) => other !== span);
  }

  private tell(): void {
    const { state, onProgress } = this.options;
    onProgress("download", received(state));
    const front = this.front();
    if (this.hasher && front - this.hasher.queued >= hashBytes) this.hasher.written(front);
  }

  /** Everything below is written. */
  private front(): number {
    const { claimed, spans } = this.options.state;
    return Math.min(claimed, ...spans.map(({ next }) => next));
  }

  private async verify(digest: Digest | undefined): Promise<void> {
    const { state, what, signal } = this.options;
    if (!digest || !this.hasher) return;
    const found = await this.hasher.finish(state.bytes ?? 0).catch((error: unknown) => {
      signal.throwIfAborted();
      throw diskError(error, this.folder);
    });
    if (found === digest.hex) return;
    throw new Restart(
      l10n.t(
        "{0} is damaged: its {1} is {2}…, not {3}….",
        what,
        digest.algorithm,
        found.slice(0, 12),
        digest.hex.slice(0, 12),
      ),
      "damaged",
    );
  }

  /** Sends one request and ends its connection when `use` is done, however it ends. */
  private async request<Result>(
    headers: Record<string, string>,
    signal: AbortSignal,
    use: (response: HttpResponse) => Result | Promise<Result>,
  ): Promise<Result> {
    const { http, url, patience } = this.options;
    const connection = new AbortController();
    const target = this.target;
    try {
      const response = await withTimeout(
        http(target, {
          // Compressed, neither lengths nor ranges would be those of the file.
          headers: { ...headers, "accept-encoding": "identity" },
          signal: AbortSignal.any([signal, connection.signal]),
        }),
        patience.stallMs,
        hostOf(target),
        signal,
      );
      if (!response.pipeInto) this.slots.limit(copySlotCount);
      if (target !== url && [401, 403, 404, 410].includes(response.status)) {
        throw new Transient(l10n.t("The address on {0} has expired", hostOf(target)));
      }
      return await use(response);
    } catch (error) {
      signal.throwIfAborted();
      // Next time from the beginning: what a redirect named may be gone.
      this.target = url;
      throw error instanceof Restart ? error : connectionError(error, target);
    } finally {
      connection.abort();
    }
  }
}

/**
 * Long enough that asking costs little, short enough that all connections have work and the front moves steadily; in
 * whole blocks of any disk.
 */
function spanBytes(bytes: number): number {
  const step = 1 << 20;
  return Math.min(64 << 20, Math.ceil(bytes / 16 / step) * step);
}
