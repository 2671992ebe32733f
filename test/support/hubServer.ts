/** A server that speaks the part of the Hub's API that Flint uses, with its files on a "CDN", and faults at will. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";

const commit = "0123456789abcdef0123456789abcdef01234567";

/** One request to the CDN, for deciding what goes wrong with it. */
export interface CdnRequest {
  /** From 0, probes included. */
  index: number;
  path: string;
  /** As asked for; undefined without a Range header. */
  range: { start: number; end: number } | undefined;
  request: IncomingMessage;
}

/** What goes wrong with an answer; all that is not given is as it should be. */
export interface Fault {
  status?: number;
  headers?: Record<string, string>;
  /** The connection is cut after so many bytes of the body. */
  cutAfter?: number;
  /** Nothing more comes after so many bytes of the body. */
  stallAfter?: number;
  /** After so many bytes of the body nothing is sent for 600 ms. */
  pauseAfter?: number;
  /** Ranges are answered with the whole file. */
  ignoreRange?: boolean;
  etag?: string;
  body?: Buffer;
  /** The length that is claimed to be the whole file's. */
  claimedBytes?: number;
  /** Without a length, and so without ranges. */
  chunked?: boolean;
  redirectTo?: string;
  /** The answer begins with a header of so many bytes. */
  headerBytes?: number;
}

export interface HubServer {
  /** For HF_ENDPOINT. */
  readonly endpoint: string;
  readonly cdn: string;
  /** Connections that the CDN has had. */
  readonly connections: { cdn: number };
  /** All requests that reached the CDN. */
  readonly requests: CdnRequest[];
  /** Authorization headers by whoever got one. */
  readonly tokens: { hub: string[]; cdn: string[] };
  /** Decides on the next answers of the CDN. */
  fault: (request: CdnRequest) => Fault | undefined;
  /** What the Hub's API answers with instead; undefined: as it should. */
  apiStatus: ((path: string) => number | undefined) | undefined;
  /** The repository's model cards tell so. */
  gated: boolean;
  /** The one token that is known, without which no file is given; undefined: files are for everybody. */
  token: string | undefined;
  close(): Promise<void>;
}

export interface HubServerOptions {
  /** Both answer over TLS then. In PEM. */
  certificate?: { key: string; cert: string };
  /** Where both listen, as in a URL; 127.0.0.1 unless given. */
  host?: string;
}

/** @param files of the one repository `owner/model`, by path */
export async function startHubServer(
  files: Record<string, Buffer>,
  { certificate, host = "127.0.0.1" }: HubServerOptions = {},
): Promise<HubServer> {
  const requests: CdnRequest[] = [];
  const tokens: HubServer["tokens"] = { hub: [], cdn: [] };
  const create = (answer: RequestListener): Server =>
    certificate ? createSecureServer(certificate, answer) : createServer(answer);
  const cdn = create((request, response) => answerCdn(request, response));
  const hub = create((request, response) => answerHub(request, response));
  const connections = { cdn: 0 };
  cdn.on("connection", () => {
    connections.cdn += 1;
  });
  const scheme = certificate ? "https" : "http";
  const server: HubServer = {
    endpoint: `${scheme}://${host}:${await listen(hub, host)}`,
    cdn: `${scheme}://${host}:${await listen(cdn, host)}`,
    connections,
    requests,
    tokens,
    fault: () => undefined,
    apiStatus: undefined,
    gated: false,
    token: undefined,
    close: async () => {
      for (const one of [hub, cdn]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
    },
  };

  function answerHub(request: IncomingMessage, response: ServerResponse): void {
    const { authorization } = request.headers;
    if (authorization !== undefined) tokens.hub.push(authorization);
    const { pathname } = new URL(request.url ?? "/", server.endpoint);
    const known = server.token === undefined || authorization === `Bearer ${server.token}`;
    // As the Hub does: a wrong token is told whatever is asked for, a missing one only where one is needed.
    const needed = authorization !== undefined || pathname === "/api/whoami-v2" || pathname.includes("/resolve/");
    const status = server.apiStatus?.(pathname) ?? (needed && !known ? 401 : undefined);
    if (status !== undefined) {
      response.writeHead(status, { "content-type": "application/json" }).end('{"error":"refused"}');
      return;
    }
    const info = {
      _id: "1",
      id: "owner/model",
      sha: commit,
      private: false,
      gated: server.gated ? "auto" : false,
      downloads: 1000,
      likes: 10,
      lastModified: "2026-01-01T00:00:00.000Z",
      tags: ["gguf", "license:apache-2.0"],
    };
    const json = (value: unknown) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (pathname === "/api/whoami-v2") return void json({ type: "user", name: "somebody" });
    if (pathname === "/api/models") return void json([info]);
    if (pathname.startsWith("/api/models/owner/model/revision/")) return void json(info);
    if (pathname === `/api/models/owner/model/tree/${commit}`) {
      const entries = Object.entries(files).map(([path, content]) => ({
        type: "file",
        path,
        size: content.length,
        oid: "1",
        lfs: { oid: sha256(content), size: content.length, pointerSize: 134 },
      }));
      return void json(entries);
    }
    const prefix = `/owner/model/resolve/${commit}/`;
    if (pathname.startsWith(prefix)) {
      response.writeHead(302, { location: `${server.cdn}/${pathname.slice(prefix.length)}` }).end();
      return;
    }
    response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
  }

  function answerCdn(request: IncomingMessage, response: ServerResponse): void {
    const { authorization } = request.headers;
    if (authorization !== undefined) tokens.cdn.push(authorization);
    const path = decodeURIComponent(new URL(request.url ?? "/", server.cdn).pathname.slice(1));
    const content = files[path];
    if (!content) return void response.writeHead(404).end();
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const asked =
      first === undefined ? undefined : { start: Number(first), end: last ? Number(last) + 1 : content.length };
    const entry = { index: requests.length, path, range: asked, request };
    requests.push(entry);
    const fault = server.fault(entry) ?? {};
    const body = fault.body ?? content;
    const etag = fault.etag ?? `"${sha256(content)}"`;
    if (fault.redirectTo !== undefined) return void response.writeHead(302, { location: fault.redirectTo }).end();
    if (fault.headerBytes !== undefined) return void sendHeader(request.socket, fault.headerBytes);
    if (fault.status !== undefined) return void response.writeHead(fault.status, { etag, ...fault.headers }).end();
    const ifRange = request.headers["if-range"];
    const ranged = asked && !fault.ignoreRange && !fault.chunked && (ifRange === undefined || ifRange === etag);
    if (ranged && asked.start >= body.length) {
      return void response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
    }
    const part = ranged ? body.subarray(asked.start, asked.end) : body;
    const total = fault.claimedBytes ?? body.length;
    const headers: Record<string, string | number> = { etag, "accept-ranges": "bytes" };
    if (!fault.chunked) headers["content-length"] = ranged ? part.length : total;
    if (ranged) headers["content-range"] = `bytes ${asked.start}-${asked.start + part.length - 1}/${total}`;
    response.writeHead(ranged ? 206 : 200, { ...headers, ...fault.headers });
    const stop = fault.cutAfter ?? fault.stallAfter ?? fault.pauseAfter;
    if (stop === undefined || stop >= part.length) {
      if (!ranged && total > part.length) response.write(part, () => request.socket.destroy());
      else response.end(part);
      return;
    }
    response.write(part.subarray(0, stop), () => {
      if (fault.cutAfter !== undefined) request.socket.destroy();
      if (fault.pauseAfter !== undefined) setTimeout(() => response.end(part.subarray(stop)), 600);
    });
    if (stop === 0) response.flushHeaders();
  }

  return server;
}

/** As fast as the other side takes it, as long as it does. */
function sendHeader(socket: Socket, bytes: number): void {
  socket.write("HTTP/1.1 200 OK\r\nx-long: ");
  const piece = Buffer.alloc(1 << 20, "x");
  const send = (left: number): void => {
    if (left <= 0) return void socket.end("\r\ncontent-length: 0\r\n\r\n");
    if (!socket.destroyed) socket.write(piece.subarray(0, left), () => send(left - piece.length));
  };
  send(bytes);
}

/** @returns the port */
async function listen(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host.replace(/^\[|\]$/g, ""), resolve));
  return (server.address() as AddressInfo).port;
}

export const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");
