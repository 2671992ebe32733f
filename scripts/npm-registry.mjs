// Packages fetched as npm itself would: its configuration, proxies, certificates, retries and cache.
import { pipeline } from "node:stream/promises";
import { registryOptions } from "../engine-native/download/npm-configuration.mjs";

/**
 * Streams one file out of a package, checked against the registry's digest as it goes.
 * @param {string} spec a package with its version, `name@1.2.3`
 * @param {string} file its path inside the package
 * @param {() => AsyncConsumer} begin called before the first byte, and again when the transfer starts over
 * @typedef {(chunk: Buffer) => Promise<void>} AsyncConsumer takes the next bytes; more come when it has resolved
 * @throws when the package or the file does not exist, its digest differs, or the network fails
 */
export async function streamPackageFile(spec, file, begin) {
  const { default: pacote } = await import("pacote");
  const { Parser } = await import("tar");
  const found = await pacote.tarball.stream(
    spec,
    async (stream) => {
      const consume = begin();
      /** @type {Promise<void> | undefined} */
      let consumed;
      const parser = new Parser({
        strict: true,
        onReadEntry(entry) {
          if (entry.path !== `package/${file}`) {
            entry.resume();
            return;
          }
          consumed = (async () => {
            for await (const chunk of entry) await consume(chunk);
          })();
          // Whoever writes into the parser learns of it at once, not only when it has read to the end.
          consumed.catch((error) => stream.destroy(error));
        },
      });
      const ended = new Promise((resolve, reject) => parser.on("end", resolve).on("error", reject));
      await Promise.all([pipeline(stream, async (chunks) => writeAll(parser, chunks)), ended]);
      await consumed;
      return consumed !== undefined;
    },
    await registryOptions(),
  );
  if (!found) throw new Error(`${spec} holds no ${file}.`);
}

/**
 * @param {import("tar").Parser} parser
 * @param {AsyncIterable<Buffer>} chunks
 */
async function writeAll(parser, chunks) {
  for await (const chunk of chunks) {
    if (!parser.write(chunk)) await new Promise((resolve) => parser.once("drain", () => resolve(undefined)));
  }
  parser.end();
}

/**
 * Unpacks a package without its dependencies.
 * @param {string} spec a package with its version
 * @param {string} folder is made
 * @throws when the package does not exist, its digest differs, or the network fails
 */
export async function unpackPackage(spec, folder) {
  const { default: pacote } = await import("pacote");
  await pacote.extract(spec, folder, await registryOptions());
}

/**
 * @param {string} name of a package
 * @returns {Promise<string[]>} its versions, the last one last
 * @throws when the package does not exist, or the network fails
 */
export async function versionsOf(name) {
  const { default: pacote } = await import("pacote");
  return Object.keys((await pacote.packument(name, await registryOptions())).versions);
}
