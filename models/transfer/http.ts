/** HTTP as downloads need it, whoever carries it out: fetch (VS Code's own in the extension host) or npm's client. */

import { setTimeout as sleep } from "node:timers/promises";
import * as l10n from "@vscode/l10n";
import { DownloadError, deepestMessage } from "../errors.js";

export interface HttpResponse {
  status: number;
  header(name: string): string | null;
  /** Where it came from, after redirects. */
  url: string;
  /** It was asked for with a token; not known where npm's client asks. */
  authorized?: boolean;
  /** May be read once. A chunk may change when the next is asked for. Leaving the loop early ends the connection. */
  body: AsyncIterable<Uint8Array>;
  /** Instead of {@link body}, where whoever carries it out can do without promises and copies. */
  pipeInto?(sink: Sink): BodyPipe;
}

/** Takes the bytes of a body. */
export interface Sink {
  /** Where the next bytes may be put before they are added, so that they need not be copied. */
  place(): Uint8Array | undefined;
  /** The chunk may change when this returns, or what it returns resolves. @throws when it can take no more */
  add(chunk: Uint8Array): Promise<void> | undefined;
  /** All that was wanted has come. */
  readonly full: boolean;
}

/** A body on its way. */
export interface BodyPipe {
  /** Resolves when the body has ended, or the sink is full. */
  done: Promise<void>;
  /** Afterwards nothing is put into the sink any more. */
  stop(): void;
}

/** GET. Follows redirects; credentials are not sent on to another origin. @throws when there is no answer */
export type Http = (
  url: string,
  request: { headers: Record<string, string>; signal: AbortSignal },
) => Promise<HttpResponse>;

export type Fetch = typeof globalThis.fetch;

/** The value of the Authorization header for a URL, if it gets one. */
export type Authorize = (url: URL) => string | undefined;

/** HTTP over `fetch`. */
export function httpOver(fetch: Fetch, authorize: Authorize = () => undefined): Http {
  return async (url, { headers, signal }) => {
    const authorization = authorize(new URL(url));
    const response = await fetch(url, {
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      signal,
      redirect: "follow",
    });
    return {
      status: response.status,
      header: (name) => response.headers.get(name),
      url: response.url || url,
      authorized: authorization !== undefined,
      body: response.body ? chunksOf(response.body) : nothing(),
    };
  };
}

/** The chunks of a stream. Leaving early cancels it at once, also while a chunk is waited for. */
function chunksOf(stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const reader = stream.getReader();
      return {
        next: async () => {
          const result = await reader.read();
          return result.done ? { done: true, value: undefined } : { done: false, value: result.value };
        },
        return: async () => {
          await reader.cancel();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** How patient to be. Tests are less so. */
export interface Patience {
  /** Failures in a row, without a byte in between, before it is given up. */
  attempts: number;
  /** The first pause after a failure; each further one is twice as long, up to a minute. */
  firstPauseMs: number;
  /** A connection without a byte for so long has failed. */
  stallMs: number;
}
export const defaultPatience: Patience = { attempts: 8, firstPauseMs: 1000, stallMs: 30_000 };

const longestPauseMs = 60_000;
/** A server that asks for more than this is not waited for. */
const longestRetryAfterMs = 10 * 60_000;

/** A failure that may pass by itself. */
export class Transient extends Error {
  /** @param retryAfterMs what the server asked for */
  constructor(
    message: string,
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Counts failures in a row, and waits between them. */
export class Backoff {
  private failures = 0;
  constructor(private readonly patience: Patience) {}

  /** To be called when something has come through. */
  progressed(): void {
    this.failures = 0;
  }

  /**
   * Waits before the next attempt, at least as long as the server asked for.
   * @throws DownloadError `network` when it is time to give up; what `signal` says when it is aborted
   */
  async wait(failure: Transient, signal: AbortSignal): Promise<void> {
    this.failures += 1;
    const { attempts, firstPauseMs } = this.patience;
    const { retryAfterMs = 0 } = failure;
    if (this.failures >= attempts || retryAfterMs > longestRetryAfterMs) {
      const tries =
        retryAfterMs > longestRetryAfterMs
          ? l10n.t("the server asks to wait longer than Flint does")
          : l10n.t("tried {0} times", this.failures);
      throw new DownloadError(
        "network",
        l10n.t("{0} ({1}). Try again: the download resumes where it stopped.", failure.message, tries),
        {
          cause: failure,
        },
      );
    }
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.failures - 1));
    // Spread out, so that many clients do not come back all at once.
    await sleep(Math.max(retryAfterMs, pause * (0.5 + Math.random() / 2)), undefined, { signal });
  }
}

/**
 * Does `work` until it succeeds, waiting after each failure that may pass. Not p-retry's: that counts all failures of a
 * call, where here any byte sets the count and the pause back, and it has no pause that depends on the failure.
 * @throws as {@link Backoff.wait}, and what else `work` throws
 */
export async function retrying<Result>(
  backoff: Backoff,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  while (true) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      await backoff.wait(error, signal);
    }
  }
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110, 10.2.3). */
export function retryAfterMs(value: string | null, now = Date.now()): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** A failed fetch as an error that can be acted upon. */
export function connectionError(error: unknown, url: string): Error {
  if (error instanceof DownloadError || error instanceof Transient) return error;
  const why = deepestMessage(error);
  if (/certificate|altnames/i.test(why)) {
    return new DownloadError(
      "network",
      l10n.t(
        "The certificate of {0} is not trusted: {1}. If your network has certificates of its own, set NODE_EXTRA_CA_CERTS to their file.",
        hostOf(url),
        why,
      ),
      { cause: error },
    );
  }
  // Node's client, fetch, and VS Code's, each in its own words.
  if (/headers?[ _](overflow|too[ _]big)/i.test(why)) {
    return new DownloadError("network", l10n.t("{0} sent a header that is too long. Check the address.", hostOf(url)), {
      cause: error,
    });
  }
  if (/redirect/i.test(why)) {
    return new DownloadError("network", l10n.t("{0} redirects in circles. Check the address.", hostOf(url)), {
      cause: error,
    });
  }
  return new Transient(l10n.t("The connection to {0} failed: {1}", hostOf(url), why), undefined, { cause: error });
}

/**
 * The error that a status other than success stands for.
 * @param what is being asked for, for people
 */
export function statusError(
  { status, header, url, authorized }: Pick<HttpResponse, "status" | "header" | "url" | "authorized">,
  what: string,
) {
  const host = hostOf(url);
  if ([408, 425, 429, 500, 502, 503, 504].includes(status)) {
    const why =
      status === 429
        ? l10n.t("{0} received too many requests", host)
        : l10n.t("{0} answered with status {1}", host, status);
    return new Transient(why, retryAfterMs(header("retry-after")));
  }
  if (status === 401 || status === 403) {
    const why = !authorized
      ? l10n.t(
          "{0} asks for a token for {1} (status {2}). Accept its licence on the model's page, then set your token.",
          host,
          what,
          status,
        )
      : status === 401
        ? l10n.t(
            "{0} does not accept your token for {1} (status 401). Accept its licence on the model's page, or set another token.",
            host,
            what,
          )
        : l10n.t(
            "{0} does not let your account download {1} (status 403). Accept its licence on the model's page, or set another token.",
            host,
            what,
          );
    return new DownloadError("gated", why);
  }
  if (status === 404 || status === 410) {
    return new DownloadError("notFound", l10n.t("{0} has no {1} (status {2}). Check the name.", host, what, status));
  }
  return new DownloadError("network", l10n.t("{0} answered with status {1} for {2}.", host, status, what));
}

export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/**
 * The bytes of a body; ends with an error when none comes for `stallMs`.
 * @throws Transient on a stall or a cut connection; what `signal` says when it is aborted
 */
export async function* readBody(
  { body, url }: Pick<HttpResponse, "body" | "url">,
  stallMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  let ended = false;
  // Of the chunk that is waited for now. A race with one promise for all would keep each chunk alive.
  let fail = (_: unknown) => {};
  const chunk = () =>
    new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
      fail = reject;
      iterator.next().then(resolve, reject);
    });
  // One timer and one listener for all chunks: there are thousands in a second.
  const timer = setTimeout(() => fail(stalled(hostOf(url), stallMs)), stallMs);
  const onAbort = () => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (true) {
      timer.refresh();
      signal.throwIfAborted();
      const next = await chunk().catch((error: unknown) => {
        signal.throwIfAborted();
        throw connectionError(error, url);
      });
      signal.throwIfAborted();
      if (next.done) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    // Not waited for: a stalled stream may never answer.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}

/**
 * Gives the bytes of a body to a sink until that is full, or the body ends. Afterwards nothing comes any more.
 * @throws as {@link readBody}, and what the sink says
 */
export async function pipeBody(
  response: Pick<HttpResponse, "body" | "url" | "pipeInto">,
  sink: Sink,
  stallMs: number,
  signal: AbortSignal,
): Promise<void> {
  if (!response.pipeInto) {
    for await (const chunk of readBody(response, stallMs, signal)) {
      await sink.add(chunk);
      if (sink.full) return;
    }
    return;
  }
  let fail = (_: unknown) => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // A slow disk is no stall.
  let taking = false;
  const timer = setTimeout(() => {
    if (taking) timer.refresh();
    else fail(stalled(hostOf(response.url), stallMs));
  }, stallMs);
  const onAbort = () => fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const { done, stop } = response.pipeInto({
    place: () => sink.place(),
    add: (chunk) => {
      timer.refresh();
      const waiting = sink.add(chunk);
      taking = waiting !== undefined;
      return waiting?.finally(() => {
        taking = false;
        timer.refresh();
      });
    },
    get full() {
      return sink.full;
    },
  });
  try {
    await Promise.race([done, failed]);
  } catch (error) {
    signal.throwIfAborted();
    throw connectionError(error, response.url);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    stop();
    done.catch(() => undefined);
  }
}

const stalled = (host: string, stallMs: number) =>
  new Transient(l10n.t("{0} has sent nothing for {1} s", host, Math.round(stallMs / 1000)));

/**
 * What `promise` becomes, or Transient when `host` lets it wait for more than `stallMs`. Does not rely on fetch to end
 * with its signal: VS Code's does not while it waits for a chunk.
 */
export function withTimeout<T>(promise: Promise<T>, stallMs: number, host: string, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    const timer = setTimeout(() => reject(stalled(host, stallMs)), stallMs);
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
    });
  });
}

/** An ETag that tells versions apart byte by byte. */
export function strongTag({ header }: Pick<HttpResponse, "header">): string | undefined {
  const etag = header("etag");
  return etag?.startsWith('"') ? etag : undefined;
}

/** What If-Range may name (RFC 9110, 13.1.5). */
export function validatorOf(response: Pick<HttpResponse, "header">): string | undefined {
  return strongTag(response) ?? response.header("last-modified") ?? undefined;
}
