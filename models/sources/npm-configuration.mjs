// The user's npm configuration: registries, tokens, proxies and certificates, as npm itself would find them.
import path from "node:path";

/** @typedef {import("pacote").Options} RegistryOptions */

/** @type {Promise<RegistryOptions> | undefined} */
let options;

/**
 * The configuration in the form that npm's libraries take.
 * @returns {Promise<RegistryOptions>}
 */
export function registryOptions() {
  options ??= loadOptions();
  return options;
}

/** @returns {Promise<RegistryOptions>} */
async function loadOptions() {
  const { default: Config } = await import("@npmcli/config");
  const { default: known } = await import("@npmcli/config/lib/definitions/index.js");
  // npm names its own program when it runs a script; its folder may hold settings of the distribution.
  const { npm_execpath = process.execPath } = process.env;
  const npmPath = path.resolve(npm_execpath, "../..");
  // Of its own copy of the environment: loading sets variables that would mislead a real npm.
  const config = new Config({ ...known, npmPath, argv: [process.execPath, "npm"], env: { ...process.env } });
  await config.load();
  return config.flat;
}
