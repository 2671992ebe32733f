import { randomBytes } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, createServer as createRawServer, type Socket } from "node:net";
import { setImmediate as later } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { certificateOfFile } from "../../test/support/certificate.js";
import type { Sink } from "./http.js";
import { pipeBody, readBody } from "./http.js";
import { nodeHttp } from "./nodeHttp.js";

const content = randomBytes(3_000_000);
const patientMs = 60_000;
const { signal } = new AbortController();

const certificate = await certificateOfFile();

/** @returns its port on this machine */
async function listen(server: Server | ReturnType<typeof createRawServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A server and a client that trusts it. */
async function serve(scheme: string, answer: RequestListener) {
  const server = scheme === "https" ? createSecureServer(certificate, answer) : createServer(answer);
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  const url = `${scheme}://127.0.0.1:${await listen(server)}/`;
  onTestFinished(() => server.closeAllConnections());
  const http = nodeHttp(() => undefined, certificate.cert);
  return { url, get: (stop = signal) => http(url, { headers: {}, signal: stop }), connections: () => connections };
}

/** Takes everything, each chunk only after others had their turn, into memory that is handed out beforehand. */
function slowSink(bytes: number): Sink & { readonly taken: Buffer } {
  const memory = Buffer.alloc(bytes);
  let next = 0;
  let busy = false;
  return {
    place: () => (busy || next === bytes ? undefined : memory.subarray(next)),
    add(chunk) {
      expect(busy).toBe(false);
      busy = true;
      return (async () => {
        for (let turn = 0; turn < 3; turn++) await later();
        memory.set(chunk, next);
        next += chunk.length;
        busy = false;
      })();
    },
    full: false,
    get taken() {
      return memory.subarray(0, next);
    },
  };
}

describe.each(["http", "https"])("over %s", (scheme) => {
  test("no byte is lost on somebody who takes his time, and the connection is used again", async () => {
    const { get, connections } = await serve(scheme, (_, response) => {
      response.writeHead(200, { "content-length": content.length }).end(content);
    });
    for (let again = 0; again < 3; again++) {
      const sink = slowSink(content.length);
      await pipeBody(await get(), sink, patientMs, signal);
      expect(sink.taken.equals(content)).toBe(true);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of readBody(await get(), patientMs, signal)) {
      chunks.push(Buffer.from(chunk));
      await later();
    }
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    expect(connections()).toBe(1);
  });

  test.each(["in chunks", "up to the end of the connection"])("nor of a body without a length, %s", async (how) => {
    const { get } = await serve(scheme, ({ socket }, response) => {
      if (how === "in chunks") {
        response.write(content.subarray(0, 500_000));
        response.end(content.subarray(500_000));
      } else {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.end(content);
      }
    });
    const sink = slowSink(content.length);
    await pipeBody(await get(), sink, patientMs, signal);
    expect(sink.taken.equals(content)).toBe(true);
  });

  test("whoever has closed a connection that was kept is asked over another", async () => {
    const sockets: Socket[] = [];
    const { get, connections } = await serve(scheme, ({ socket }, response) => {
      sockets.push(socket);
      response.writeHead(200, { "content-length": 4 }).end("GGUF");
    });
    const once = async () => {
      const sink = slowSink(4);
      await pipeBody(await get(), sink, patientMs, signal);
      expect(sink.taken.toString()).toBe("GGUF");
    };
    await once();
    const closed = new Promise((resolve) => sockets[0]?.once("close", resolve));
    sockets[0]?.destroy();
    await closed;
    await once();
    expect(connections()).toBe(2);
  });

  test("stopping ends the connection while an answer, its head or more of it is waited for", async () => {
    for (const sent of ["", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nGGUF"]) {
      let gone: (() => void) | undefined;
      const left = new Promise<void>((resolve) => {
        gone = resolve;
      });
      const stop = new AbortController();
      const { get } = await serve(scheme, ({ socket }) => {
        socket.once("close", () => gone?.());
        socket.write(sent, () => setImmediate(() => stop.abort()));
      });
      const sink = slowSink(9);
      const all = async () => pipeBody(await get(stop.signal), sink, patientMs, stop.signal);
      await expect(all()).rejects.toMatchObject({ name: "AbortError" });
      await left;
    }
  });

  test("a server that leaves at any point is told", async () => {
    for (const sent of ["", "HTTP/1.1 200 OK\r\ncontent-le", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nGGUF"]) {
      const { get } = await serve(scheme, ({ socket }) => void socket.end(sent));
      const all = async () => pipeBody(await get(), slowSink(9), patientMs, signal);
      await expect(all()).rejects.toThrow();
    }
  });
});

test("a handshake that never ends can be stopped", async () => {
  const stop = new AbortController();
  const port = await listen(
    createRawServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => stop.abort());
    }),
  );
  const request = nodeHttp(() => undefined)(`https://127.0.0.1:${port}/`, { headers: {}, signal: stop.signal });
  await expect(request).rejects.toMatchObject({ name: "AbortError" });
});
