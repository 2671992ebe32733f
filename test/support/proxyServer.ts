/** An HTTP proxy that notes what it is asked for, and may be the only one that knows a name. */
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";

export interface ProxyServer {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  /** `host:port` of each connection that it was asked for, whether through a tunnel or not. */
  readonly asked: string[];
  /** All that went from clients to servers through tunnels. */
  readonly sent: Buffer[];
  /** How many bytes came back through tunnels. */
  passed(): number;
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** Names that only the proxy knows, and the `host:port` behind each. */
  names?: Record<string, string>;
  /** `user:password` without which nothing passes. */
  credentials?: string;
}

export async function startProxy({ names = {}, credentials }: ProxyOptions = {}): Promise<ProxyServer> {
  const asked: string[] = [];
  const sent: Buffer[] = [];
  let passed = 0;
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString("base64")}`;
  const refused = ({ headers }: IncomingMessage) => wanted !== undefined && headers["proxy-authorization"] !== wanted;
  const behind = (host: string) => {
    const { hostname, port } = new URL(`http://${host}`);
    asked.push(`${hostname}:${port || 80}`);
    return new URL(`http://${names[hostname] ?? host}`);
  };
  const server = createServer((request, response) => {
    if (refused(request)) return void response.writeHead(407, { "proxy-authenticate": "Basic" }).end();
    const { host, pathname, search } = new URL(request.url ?? "");
    const { hostname, port } = behind(host);
    // Not with Node's client: in an extension host that would ask this very proxy.
    const target = connect(Number(port), hostname, () => {
      const headers = Object.entries({ ...request.headers, connection: "close" }).map(
        ([name, value]) => `${name}: ${value}`,
      );
      target.write([`GET ${pathname}${search} HTTP/1.1`, ...headers, "\r\n"].join("\r\n"));
      target.pipe(request.socket);
    });
    endTogether(target, request.socket);
  });
  server.on("connect", (request, client) => {
    if (refused(request)) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n");
      return;
    }
    const { hostname, port } = behind(request.url ?? "");
    const server = connect(Number(port), hostname, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      server.on("data", (bytes: Buffer) => {
        passed += bytes.length;
      });
      client.on("data", (bytes: Buffer) => sent.push(bytes));
      server.pipe(client);
      client.pipe(server);
    });
    endTogether(server, client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    sent,
    passed: () => passed,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Either side may leave. */
function endTogether(...sockets: Duplex[]): void {
  for (const socket of sockets) socket.on("error", () => sockets.map((one) => one.destroy()));
}
