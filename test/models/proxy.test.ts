/** Downloads from the terminal where the environment names a proxy. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeCertificate } from "../support/certificate.js";
import { start } from "../support/flint.js";
import { type HubServer, startHubServer } from "../support/hubServer.js";
import { type ProxyServer, startProxy } from "../support/proxyServer.js";

const name = "model-Q4_K_M.gguf";
const content = Buffer.concat([Buffer.from("GGUF"), randomBytes(3_000_000)]);

let hub: HubServer;
let proxy: ProxyServer;
let folder: string;

beforeEach(async () => {
  hub = await startHubServer({ [name]: content });
  proxy = await startProxy();
  folder = await mkdtemp(path.join(tmpdir(), "flint-proxy-"));
});
afterEach(async () => {
  await proxy.close();
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

async function download(environment: Record<string, string>): Promise<void> {
  const { address } = proxy;
  const env = { HF_ENDPOINT: hub.endpoint, HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: "", ...environment };
  const { status, stderr } = await start(["download", "owner/model", "--dir", folder], { env }).ended;
  expect(status, stderr).toBe(0);
  expect((await readFile(path.join(folder, name))).equals(content)).toBe(true);
}

test("it is used for the Hub and for where the Hub redirects to", async () => {
  await download({});
  expect(new Set(proxy.asked)).toEqual(new Set([new URL(hub.endpoint).host, new URL(hub.cdn).host]));
  expect(Buffer.concat(proxy.sent).includes(name)).toBe(true);
});

test("it is asked to connect to addresses of https, and sees nothing of what passes", async () => {
  const certificate = await makeCertificate(folder);
  await hub.close();
  hub = await startHubServer({ [name]: content }, { certificate, host: "localhost" });
  await download({ HTTP_PROXY: "", NODE_EXTRA_CA_CERTS: certificate.file });
  expect(new Set(proxy.asked)).toEqual(new Set([new URL(hub.endpoint).host, new URL(hub.cdn).host]));
  expect(proxy.passed()).toBeGreaterThan(content.length);
  expect(Buffer.concat(proxy.sent).includes(name)).toBe(false);
});

test("it is not used for what NO_PROXY names", async () => {
  await download({ NO_PROXY: "127.0.0.1" });
  expect(proxy.asked).toEqual([]);
});
