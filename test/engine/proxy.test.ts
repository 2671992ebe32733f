/** Downloads from the terminal where the environment names a proxy. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeCertificate } from "../harness/certificate.js";
import { type HubServer, startHubServer } from "../harness/hubServer.js";
import { start } from "./support/flint.js";

const name = "model-Q4_K_M.gguf";
const content = Buffer.concat([Buffer.from("GGUF"), randomBytes(3_000_000)]);

let hub: HubServer;
let proxy: Server;
let folder: string;
/** Where the proxy was asked to connect to. */
let tunnels: string[];
/** Bytes that came through it, and whether it could read the file's name in what went. */
let passed: number;
let sawName: boolean;

beforeEach(async () => {
  hub = await startHubServer({ [name]: content });
  tunnels = [];
  passed = 0;
  sawName = false;
  proxy = createServer((_, response) => void response.writeHead(501).end());
  proxy.on("connect", ({ url = "" }, client) => {
    tunnels.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    const server = connect(Number(port), hostname, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      server.on("data", (bytes: Buffer) => {
        passed += bytes.length;
      });
      client.on("data", (bytes: Buffer) => {
        sawName ||= bytes.includes(name);
      });
      server.pipe(client);
      client.pipe(server);
    });
    // Either side may leave.
    for (const socket of [server, client]) socket.on("error", () => [server, client].map((one) => one.destroy()));
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  folder = await mkdtemp(path.join(tmpdir(), "flint-proxy-"));
});
afterEach(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

async function download(environment: Record<string, string>): Promise<void> {
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const env = { HF_ENDPOINT: hub.endpoint, HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: "", ...environment };
  const { status, stderr } = await start(["download", "owner/model", "--dir", folder], { env }).ended;
  expect(status, stderr).toBe(0);
  expect((await readFile(path.join(folder, name))).equals(content)).toBe(true);
}

test("it is used for the Hub and for where the Hub redirects to", async () => {
  await download({});
  expect(new Set(tunnels)).toEqual(new Set([new URL(hub.endpoint).host, new URL(hub.cdn).host]));
  expect(sawName).toBe(true);
});

test("it is asked to connect to addresses of https, and sees nothing of what passes", async () => {
  const certificate = await makeCertificate(folder);
  await hub.close();
  hub = await startHubServer({ [name]: content }, { certificate, host: "localhost" });
  await download({ HTTP_PROXY: "", NODE_EXTRA_CA_CERTS: certificate.file });
  expect(new Set(tunnels)).toEqual(new Set([new URL(hub.endpoint).host, new URL(hub.cdn).host]));
  expect(passed).toBeGreaterThan(content.length);
  expect(sawName).toBe(false);
});

test("it is not used for what NO_PROXY names", async () => {
  await download({ NO_PROXY: "127.0.0.1" });
  expect(tunnels).toEqual([]);
});
