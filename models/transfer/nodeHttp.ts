/**
 * HTTP with Node's own client, and bodies that pass through one buffer for each connection. `fetch` and undici take two
 * to three times the processor's time, and a new buffer for every 64 KiB (docs/benchmarks/download.md). For the
 * terminal: it knows no proxies.
 */

import { type IncomingMessage, request as send } from "node:http";
import { connect as connectPlainly, isIP, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectSecurely } from "node:tls";
import * as l10n from "@vscode/l10n";
import { DownloadError } from "../errors.js";
import { type Authorize, type BodyPipe, type Http, hostOf, type Sink } from "./http.js";

const bufferBytes = 256 << 10;
/** A record of TLS, the most that comes at once of what is decrypted already. */
const recordBytes = 16 << 10;
const mostRedirects = 20;

/**
 * HTTP over connections that are kept for the next request to the same server.
 * @param trusted certificates to trust instead of those that Node does, in PEM
 */
export function nodeHttp(authorize: Authorize, trusted?: string): Http {
  const idle = new Map<string, Connection[]>();

  const ask = async (url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Exchange> => {
    const kept = idle.get(url.origin)?.pop();
    if (kept && !kept.socket.destroyed) {
      kept.socket.ref();
      try {
        return await exchange(kept, url, headers, signal, keep);
      } catch (error) {
        // A server may close a connection that rests, just when it is used again.
        if (signal.aborted) throw error;
      }
    }
    return exchange(new Connection(url, trusted), url, headers, signal, keep);
  };
  const keep = (connection: Connection) => {
    const others = (idle.get(connection.origin) ?? []).filter(({ socket }) => !socket.destroyed);
    idle.set(connection.origin, [...others, connection]);
    connection.rest();
  };

  return async (first, { headers, signal }) => {
    let url = new URL(first);
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const authorization = authorize(url);
      const authorized = authorization !== undefined;
      const all = { ...headers, ...(authorized ? { authorization } : {}) };
      const { response, body } = await ask(url, all, signal);
      const { location } = response.headers;
      const { statusCode: status = 0 } = response;
      if (![301, 302, 303, 307, 308].includes(status) || location === undefined) {
        const answer = { status, header: (name: string) => headerOf(response, name), url: url.href, body, authorized };
        return body.pipeInto ? { ...answer, pipeInto: body.pipeInto } : answer;
      }
      // A stream that nobody has begun to read does not end by its iterator.
      if (body === response) response.destroy();
      else await body[Symbol.asyncIterator]().return?.();
      url = new URL(location, url);
      if (!/^https?:$/.test(url.protocol)) break;
    }
    throw new DownloadError(
      "network",
      l10n.t("{0} redirects in circles, or to nowhere. Check the address.", hostOf(first)),
    );
  };
}

function headerOf({ headers }: IncomingMessage, name: string): string | null {
  const value = headers[name.toLowerCase()];
  return value === undefined ? null : String(value);
}

/** A connection that reads into one buffer, or where it is told to. */
class Connection {
  readonly origin: string;
  readonly socket: Socket;
  /** Told to whoever has it now, who says whether to read on at once. The bytes change when it does. */
  onBytes: (bytes: Uint8Array) => boolean = () => false;
  /** Without an error where the other side has said all. */
  onEnd: (error?: Error) => void = () => undefined;
  /** Where what is read next goes, instead of its own buffer. Asked after each {@link onBytes} that reads on. */
  place: () => Uint8Array | undefined = () => undefined;
  private wanted = false;
  /** TLS goes on with what it has decrypted when it is told to stop. */
  private readonly ahead: Uint8Array[] = [];

  constructor({ origin, protocol, hostname, port }: URL, trusted: string | undefined) {
    this.origin = origin;
    const host = hostname.replace(/^\[|\]$/g, "");
    const secure = protocol === "https:";
    const own = Buffer.allocUnsafeSlow(bufferBytes);
    // For what comes ahead, while somebody still has the other.
    const spare = secure ? Buffer.allocUnsafeSlow(recordBytes) : own;
    let held: Uint8Array | undefined;
    const onread = {
      buffer: () => (this.wanted ? this.place() : undefined) ?? (held === own ? spare : own),
      callback: (count: number, buffer: Uint8Array) => {
        const bytes = buffer.subarray(0, count);
        if (!this.wanted) {
          this.ahead.push(Buffer.from(bytes));
          return false;
        }
        this.give(bytes);
        held = this.wanted ? undefined : buffer;
        return this.wanted;
      },
    };
    const options = { host, onread, noDelay: true };
    this.socket = secure
      ? connectSecurely({
          ...options,
          port: Number(port || 443),
          ...(isIP(host) ? {} : { servername: host }),
          ...(trusted === undefined ? {} : { ca: trusted }),
        })
      : connectPlainly({ ...options, port: Number(port || 80) });
    this.socket.on("error", (error) => this.onEnd(error));
    this.socket.on("end", () => this.socket.destroy());
    this.socket.on("close", () => this.ahead.length > 0 || this.onEnd());
  }

  /** Nothing more will come of it. */
  get over(): boolean {
    return this.socket.destroyed && this.ahead.length === 0;
  }

  /** To be called for the first bytes, and after each {@link onBytes} that did not read on at once. */
  readOn(): void {
    this.wanted = true;
    while (this.wanted) {
      const bytes = this.ahead.shift();
      if (!bytes) break;
      this.give(bytes);
    }
    if (!this.wanted) return;
    if (this.socket.destroyed) this.onEnd();
    else this.socket.resume();
  }

  private give(bytes: Uint8Array): void {
    // Before: it may ask to read on while it is told.
    this.wanted = false;
    if (this.onBytes(bytes)) this.wanted = true;
  }

  /** Waits for its next request. Nobody waits for it: it must not hold up the end of the program. */
  rest(): void {
    // What comes unasked is of no answer. Reading on also shows when the other side closes it.
    this.onBytes = () => {
      this.socket.destroy();
      return false;
    };
    this.onEnd = () => undefined;
    this.socket.unref();
    this.readOn();
  }
}

/** What Node's client takes for the connection: an answer passes through, but for the body where that is `taken`. */
class Passage extends Duplex {
  taken = false;

  constructor(private readonly connection: Connection) {
    super();
    // Told to the request, unless Node's client is done with it.
    this.on("error", () => undefined);
    connection.onBytes = (bytes) => {
      this.push(Buffer.from(bytes));
      return false;
    };
    connection.onEnd = (error) => void (error ? this.destroy(error) : this.push(null));
  }
  override _read(): void {
    // Later: what is pushed meanwhile would stay here, unseen by Node's client.
    queueMicrotask(() => this.taken || this.destroyed || this.connection.readOn());
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.connection.socket.write(chunk, done);
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.taken) this.connection.socket.destroy();
    done(error);
  }
}

interface Body extends AsyncIterable<Uint8Array> {
  pipeInto?(sink: Sink): BodyPipe;
}

interface Exchange {
  response: IncomingMessage;
  body: Body;
}

/** One request and the beginning of its answer. */
function exchange(
  connection: Connection,
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
  keep: (connection: Connection) => void,
): Promise<Exchange> {
  const abort = () => void connection.socket.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  return new Promise((resolve, reject) => {
    const passage = new Passage(connection);
    const request = send({
      path: url.pathname + url.search,
      headers: { ...headers, host: url.host, connection: "keep-alive" },
      createConnection: () => passage,
    });
    request.on("error", reject);
    request.on("close", () => {
      if (passage.taken) return;
      signal.removeEventListener("abort", abort);
      connection.socket.destroy();
    });
    request.on("response", (response) => {
      // Told to whoever reads the body.
      response.on("error", () => undefined);
      const length = Number(response.headers["content-length"] ?? Number.NaN);
      const { "transfer-encoding": encoding, connection: after } = response.headers;
      if (encoding !== undefined || Number.isNaN(length)) return resolve({ response, body: response });
      passage.taken = true;
      const release = (whole: boolean) => {
        signal.removeEventListener("abort", abort);
        const again = whole && after?.toLowerCase() !== "close" && response.httpVersion === "1.1";
        if (again && !connection.socket.destroyed) keep(connection);
        else connection.socket.destroy();
      };
      resolve({ response, body: bodyOf(connection, response, length, release) });
    });
    request.end();
  });
}

/** The body of an answer, past Node's client, which has seen what came together with its beginning. */
function bodyOf(
  connection: Connection,
  response: IncomingMessage,
  length: number,
  release: (whole: boolean) => void,
): Body {
  let left = length;
  let released = false;
  const end = () => {
    connection.place = () => undefined;
    if (!released) release(left === 0);
    released = true;
  };
  const take = (bytes: Uint8Array) => {
    // More than was promised is no answer to anything.
    if (bytes.length > left) connection.socket.destroy();
    const value = bytes.subarray(0, left);
    left -= value.length;
    return value;
  };
  const seen = (): Uint8Array | null => response.read();
  const closed = () => new Error(l10n.t("the connection was closed"));
  const requireOpen = () => {
    if (connection.over) throw closed();
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        if (left === 0 || released) {
          end();
          return { done: true, value: undefined };
        }
        const bytes =
          seen() ??
          (await new Promise<Uint8Array>((resolve, reject) => {
            connection.onBytes = (bytes) => {
              resolve(bytes);
              return false;
            };
            connection.onEnd = (error = closed()) => reject(error);
            requireOpen();
            connection.readOn();
          }));
        return { done: false, value: take(bytes) };
      },
      return: async () => {
        end();
        return { done: true, value: undefined };
      },
    }),
    pipeInto(sink) {
      const done = new Promise<void>((resolve, reject) => {
        const fail = (error: unknown = closed()) => {
          end();
          reject(error);
        };
        /** @returns whether to read on at once */
        const add = (bytes: Uint8Array): boolean => {
          try {
            const waiting = sink.add(take(bytes));
            if (waiting) {
              waiting.then(() => finished() || released || connection.readOn(), fail);
              return false;
            }
            return !finished();
          } catch (error) {
            fail(error);
            return false;
          }
        };
        const finished = () => {
          if (left > 0 && !sink.full) return false;
          end();
          resolve();
          return true;
        };
        connection.onEnd = fail;
        requireOpen();
        connection.onBytes = add;
        connection.place = () => sink.place();
        const first = seen();
        if (first ? add(first) : !finished()) connection.readOn();
      });
      return { done, stop: end };
    },
  };
}
