/** The server's place in the network. */
import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { createApp } from "./app.js";
import type { Server } from "./server.js";

export interface ListenOptions {
  host: string;
  /** 0: any free one. */
  port: number;
  /** Requests need one of them; none: only programs of this machine are answered. */
  keys: readonly string[];
  /** Takes a line for each failure that is the server's. */
  log(line: string): void;
}

export interface Listening {
  /** Without a path. */
  url: string;
  host: string;
  port: number;
  /** Ends it, and all requests. */
  close(): void;
}

/** The address can't be had. */
export class AddressRefused extends Error {
  /** @param reason the system's word for it, as EADDRINUSE */
  constructor(readonly reason: string) {
    super(reason);
  }
}

/** @throws AddressRefused */
export async function listen(server: Server, { host, port, keys, log }: ListenOptions): Promise<Listening> {
  const app = createApp(server, keys, log);
  const http = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as HttpServer;
  http.listen(port, host);
  await once(http, "listening").catch((error: unknown) => {
    throw new AddressRefused(error instanceof Error && "code" in error ? String(error.code) : String(error));
  });
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("The server has no address.");
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    host: address.address,
    port: address.port,
    close: () => {
      http.close();
      http.closeAllConnections();
    },
  };
}
