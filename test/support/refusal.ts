import { expect } from "vitest";
import { DownloadError, type DownloadErrorKind } from "../../models/errors.js";

/** What a download is refused with: of this kind, and told in a sentence. */
export async function refusalOf(kind: DownloadErrorKind, run: Promise<unknown>): Promise<DownloadError> {
  const error = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof DownloadError)) throw new Error("It was not refused.", { cause: error });
  expect(error.kind, error.message).toBe(kind);
  expect(error.message).toMatch(/^\S.*\.$/);
  return error;
}
