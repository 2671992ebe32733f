/** A recommended model from the Hub, or, where that can't be reached, the same bytes from its mirror. */
import * as l10n from "@vscode/l10n";
import { DownloadError } from "../errors.js";
import type { ModelRecord } from "../record.js";
import { connectionError, type Http, hostOf, readBody, statusError, withTimeout } from "../transfer/http.js";
import type { PackagesSource } from "./catalog.js";
import type { Candidate, ResolvedReference } from "./resolved.js";

/** So long the Hub has to list the file and to send its first bytes, before the mirror is asked. */
const hubPatienceMs = 8000;

export interface MirrorOptions {
  /** Asks the Hub. */
  hub(signal: AbortSignal): Promise<ResolvedReference>;
  /** The Hub's address. */
  endpoint: string;
  http(client: ModelRecord["client"]): Promise<Http>;
  /** Asks the mirror. */
  mirror(): Promise<ResolvedReference>;
  /** What both have. */
  promised: PackagesSource;
  signal: AbortSignal;
  hubPatienceMs?: number | undefined;
}

/**
 * What the Hub has, if it has the very model that is promised and gives it out now; else what the mirror has.
 * @throws DownloadError with the words of both, where neither has it; what `signal` says when it is aborted
 */
export async function findWithMirror(options: MirrorOptions): Promise<ResolvedReference> {
  const { signal, endpoint } = options;
  const hurry = new AbortController();
  let failure: Error;
  try {
    const asked = askHub(options, AbortSignal.any([signal, hurry.signal]));
    return await withTimeout(asked, options.hubPatienceMs ?? hubPatienceMs, hostOf(endpoint), signal);
  } catch (error) {
    signal.throwIfAborted();
    failure = connectionError(error, endpoint);
  } finally {
    hurry.abort();
  }
  const why = withoutEnd(failure.message);
  try {
    const found = await options.mirror();
    return { ...found, insteadOf: why };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DownloadError)) throw error;
    throw new DownloadError(error.kind, l10n.t("{0}. Its mirror failed, too: {1}", why, error.message), {
      cause: error,
    });
  }
}

async function askHub({ hub, http, promised }: MirrorOptions, signal: AbortSignal): Promise<ResolvedReference> {
  const found = await hub(signal);
  const candidates = found.candidates.filter(({ record }) => isPromised(record, promised));
  const [candidate] = candidates;
  if (!candidate) {
    throw new DownloadError(
      "notFound",
      l10n.t(
        "{1} in {0} has changed and is no longer the recommended file. Choose another model, or update Flint.",
        found.title,
        promised.file,
      ),
    );
  }
  await requireServed(candidate, await http(candidate.record.client), signal);
  return { ...found, candidates };
}

function isPromised({ files }: ModelRecord, { sha256 }: PackagesSource): boolean {
  return files.length === 1 && files[0]?.digest?.hex === sha256;
}

/** The list of files and the files come from different servers, of which one may be out of reach. */
async function requireServed({ record, name }: Candidate, http: Http, signal: AbortSignal): Promise<void> {
  const url = record.transfers[0]?.url ?? "";
  const connection = new AbortController();
  try {
    const headers = { range: "bytes=0-3", "accept-encoding": "identity" };
    const response = await http(url, { headers, signal: AbortSignal.any([signal, connection.signal]) });
    if (response.status !== 206 && response.status !== 200) throw statusError(response, name);
    for await (const chunk of readBody(response, hubPatienceMs, signal)) if (chunk.length > 0) return;
    throw new DownloadError("network", l10n.t("{0} sent nothing of {1}.", hostOf(response.url), name));
  } finally {
    connection.abort();
  }
}

/** For a sentence that goes on. */
function withoutEnd(message: string): string {
  const again = l10n.t("{0}. Try again.", "");
  return message.endsWith(again) ? message.slice(0, -again.length) : message.replace(/[.。]$/, "");
}
