/** Errors of downloads, each with words for a person and a kind that a client decides by. */

/**
 * - `reference`: the text names nothing that can be downloaded;
 * - `notFound`: the server has no such file or repository;
 * - `gated`: a token is needed, or the licence must be accepted first;
 * - `network`: the server can't be reached, or keeps failing; trying again goes on where it stopped;
 * - `disk`: too little room, or the disk failed; trying again goes on where it stopped;
 * - `damaged`: what arrived is not what was promised, or not a usable model;
 * - `busy`: another process downloads the same model.
 */
export type DownloadErrorKind = "reference" | "notFound" | "gated" | "network" | "disk" | "damaged" | "busy";

export class DownloadError extends Error {
  override readonly name = "DownloadError";
  constructor(
    readonly kind: DownloadErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The reason that is deepest in the chain of causes: fetch itself only says "fetch failed". */
export function deepestMessage(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  if (!(deepest instanceof Error)) return String(deepest);
  const code = "code" in deepest && typeof deepest.code === "string" ? deepest.code : "";
  return deepest.message || code || deepest.name;
}
