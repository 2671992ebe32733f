// Packages fetched as npm itself would: its configuration, proxies, certificates, retries and cache.
import { registryOptions } from "../models/sources/npm-configuration.mjs";

/**
 * Unpacks a package without its dependencies.
 * @param {string} spec a package with its version
 * @param {string} folder is made
 * @param {string} [integrity] its digest, where it is not the registry's word that counts
 * @throws when the package does not exist, its digest differs, or the network fails
 */
export async function unpackPackage(spec, folder, integrity) {
  const { default: pacote } = await import("pacote");
  await pacote.extract(spec, folder, { ...(await registryOptions()), ...(integrity && { integrity }) });
}
