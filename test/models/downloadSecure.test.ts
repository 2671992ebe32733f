/** Downloads over TLS, as from the Hub, by the command and so by Node's client. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { certificateOfFile } from "../support/certificate.js";
import { start } from "../support/flint.js";
import { type HubServer, startHubServer } from "../support/hubServer.js";

const name = "model-Q4_K_M.gguf";
/** Takes longer to send than the client's memory holds. */
const content = Buffer.concat([Buffer.from("GGUF"), randomBytes(40_000_000)]);
const hasIpv6 = Object.values(networkInterfaces()).some((some) => some?.some(({ address }) => address === "::1"));

const certificate = await certificateOfFile();
let hub: HubServer;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-secure-"));
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

function startDownload(reference = "owner/model", env: NodeJS.ProcessEnv = {}) {
  const trusted = { HF_ENDPOINT: hub.endpoint, NODE_EXTRA_CA_CERTS: certificate.file, HF_TOKEN: "secret" };
  return start(["download", reference, "--dir", folder], { env: { ...trusted, ...env } });
}
async function expectDownloaded(running: ReturnType<typeof startDownload>): Promise<void> {
  const { status, stderr } = await running.ended;
  expect(status, stderr).toBe(0);
  // Not by what differs: forty megabytes take minutes to print.
  expect((await readFile(path.join(folder, name))).equals(content)).toBe(true);
}

describe.each(["localhost", "127.0.0.1"])("from https://%s", (host) => {
  beforeEach(async () => {
    hub = await startHubServer({ [name]: content }, { certificate, host });
  });

  test("comes from where the Hub redirects to, which is shown no token, over few connections", async () => {
    await expectDownloaded(startDownload());
    expect(hub.tokens.hub.length).toBeGreaterThan(0);
    expect(hub.tokens.cdn).toEqual([]);
    expect(hub.requests.length).toBeGreaterThan(4);
    expect(hub.connections.cdn).toBeLessThanOrEqual(5);
  });

  test("goes on when connections are cut", async () => {
    hub.fault = ({ index }) => (index % 3 === 1 ? { cutAfter: 1_000_000 } : undefined);
    await expectDownloaded(startDownload());
  });

  test("comes without a length", async () => {
    hub.fault = () => ({ chunked: true });
    await expectDownloaded(startDownload(`${hub.cdn}/${name}`));
  });

  test("stops at once when it is told, and goes on later", async () => {
    let stopped: (() => void) | undefined;
    hub.fault = ({ index }) => {
      if (index < 2) return undefined;
      setImmediate(() => stopped?.());
      return { stallAfter: 100_000 };
    };
    const running = startDownload();
    stopped = () => running.process.kill("SIGINT");
    const { status, stderr } = await running.ended;
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/are kept in/);
    expect((await readdir(folder)).filter((entry) => entry !== ".flint")).toEqual([]);
    hub.fault = () => undefined;
    await expectDownloaded(startDownload());
  });

  test("is refused from a server that nobody vouches for", async () => {
    const { status, stderr } = await startDownload(`${hub.cdn}/${name}`, { NODE_EXTRA_CA_CERTS: "" }).ended;
    expect(status).toBe(5);
    expect(stderr).toMatch(/certificate/);
  });
});

test.skipIf(!hasIpv6)("an IPv6 address is one, with TLS and without", async () => {
  hub = await startHubServer({ [name]: content }, { certificate, host: "[::1]" });
  await expectDownloaded(startDownload());
  await rm(folder, { recursive: true });
  await hub.close();
  hub = await startHubServer({ [name]: content }, { host: "[::1]" });
  await expectDownloaded(startDownload());
});
