/** A Python package index as pip knows them, with faults at will. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sha256 } from "./wheel.js";

/** What goes wrong with an answer; all that is not given is as it should be. */
interface IndexFault {
  status?: number;
  /** The connection is cut after so many bytes of the wheel. */
  cutAfter?: number;
  /** Nothing more comes after so many bytes of the wheel. */
  stallAfter?: number;
  /** Ranges are answered with the whole file. */
  ignoreRange?: boolean;
  body?: Buffer;
}

interface IndexRequest {
  /** File name of the wheel. */
  file: string;
  range: string | undefined;
}

export interface PypiServer {
  /** For PIP_INDEX_URL. */
  readonly index: string;
  /** All requests for wheels. */
  readonly requests: IndexRequest[];
  /** Authorization headers of requests for pages and for wheels. */
  readonly credentials: string[];
  /** How pages are written; `json` as PEP 691 has it, `html` as PEP 503. */
  pages: "json" | "html";
  /** `Basic …` without which nothing is given. */
  wanted: string | undefined;
  fault: (request: IndexRequest) => IndexFault | undefined;
  /** Instead of what is so, of each file in a page. */
  claims: Record<string, { sha256?: string | undefined; size?: number | undefined; yanked?: string }>;
  close(): Promise<void>;
}

/** @param wheels by file name, `name-version-py3-none-any.whl` */
export async function startPypiServer(wheels: Record<string, Buffer>): Promise<PypiServer> {
  const http = createServer(answer);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server: PypiServer = {
    index: `${origin}/simple`,
    requests: [],
    credentials: [],
    pages: "json",
    wanted: undefined,
    fault: () => undefined,
    claims: {},
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { authorization, range } = request.headers;
    if (authorization !== undefined) server.credentials.push(authorization);
    if (server.wanted !== undefined && authorization !== server.wanted) return void response.writeHead(401).end();
    const { pathname } = new URL(request.url ?? "/", origin);
    const name = /^\/simple\/([^/]+)\/$/.exec(pathname)?.[1];
    if (name !== undefined) return void answerPage(name, response);
    const file = pathname.slice("/files/".length);
    const content = wheels[file];
    if (!content) return void response.writeHead(404).end();
    const entry = { file, range };
    server.requests.push(entry);
    sendWheel(content, entry, server.fault(entry) ?? {}, request, response);
  }

  function answerPage(name: string, response: ServerResponse): void {
    const files = Object.entries(wheels).filter(([file]) => file.split("-")[0]?.replaceAll("_", "-") === name);
    if (files.length === 0) return void response.writeHead(404).end();
    const listed = files.map(([filename, content]) => ({
      filename,
      url: `../../files/${filename}`,
      sha256: sha256(content) as string | undefined,
      size: content.length as number | undefined,
      ...server.claims[filename],
    }));
    if (server.pages === "json") {
      const files = listed.map(({ sha256, ...file }) => ({ ...file, hashes: { sha256 } }));
      response.writeHead(200, { "content-type": "application/vnd.pypi.simple.v1+json" });
      response.end(JSON.stringify({ meta: { "api-version": "1.1" }, name, files }));
      return;
    }
    const links = listed.map(({ filename, url, sha256, yanked }) => {
      const why = yanked === undefined ? "" : ` data-yanked="${yanked}"`;
      return `<a href="${url}${sha256 === undefined ? "" : `#sha256=${sha256}`}"${why}>${filename}</a><br/>`;
    });
    response.writeHead(200, { "content-type": "text/html" });
    response.end(`<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`);
  }

  return server;
}

function sendWheel(
  content: Buffer,
  { range }: IndexRequest,
  { status, cutAfter, stallAfter, ignoreRange, body = content }: IndexFault,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (status !== undefined) return void response.writeHead(status).end();
  const first = ignoreRange ? undefined : /^bytes=(\d+)-$/.exec(range ?? "")?.[1];
  const start = Number(first ?? 0);
  const part = body.subarray(start);
  response.writeHead(first === undefined ? 200 : 206, {
    "content-length": part.length,
    ...(first === undefined ? {} : { "content-range": `bytes ${start}-${body.length - 1}/${body.length}` }),
  });
  const stop = cutAfter ?? stallAfter;
  if (stop === undefined || stop >= part.length) return void response.end(part);
  response.write(part.subarray(0, stop), () => cutAfter !== undefined && request.socket.destroy());
}
