/** Models from a Python package index: for networks that reach nothing else. PEP 503, 691, 592 (yanked), 427 (wheels). */
import * as l10n from "@vscode/l10n";
import * as z from "zod";
import { DownloadError } from "../errors.js";
import type { Digest } from "../record.js";
import { connectionError, type Http, hostOf, statusError, Transient } from "../transfer/http.js";
import { chunksOf } from "./npm-stream.js";
import { type PipConfiguration, pipConfiguration } from "./pip-configuration.js";
import { splitPackage } from "./pypi-packages.js";

/** The wheel of one version of a package. */
export interface Wheel {
  url: string;
  digest: Digest;
  bytes?: number;
  /** Why its author has taken it back, empty where no reason is given; absent where nobody has. */
  yanked?: string;
}

/**
 * Asks the user's indexes for wheels that suit every platform.
 * @param packages each `name==1.2.3`
 * @throws DownloadError
 */
export async function findWheels(packages: readonly string[], signal: AbortSignal): Promise<Wheel[]> {
  const configuration = await pipConfiguration();
  const http = httpOf(configuration);
  const wheels: Wheel[] = [];
  // Not all at once: an index may take that for an attack.
  const left = [...packages.entries()];
  const work = async () => {
    for (let entry = left.shift(); entry; entry = left.shift()) {
      wheels[entry[0]] = await findWheel(entry[1], configuration.indexes, http, signal);
    }
  };
  await Promise.all(Array.from({ length: 4 }, work));
  return wheels;
}

async function findWheel(spec: string, indexes: string[], http: Http, signal: AbortSignal): Promise<Wheel> {
  const { name, version } = splitPackage(spec);
  const versions = new Set<string>();
  let missing: DownloadError | undefined;
  for (const index of indexes) {
    const address = `${index}/${name.toLowerCase().replace(/[-_.]+/g, "-")}/`;
    try {
      const files = await listFiles(address, name, http, signal);
      const wheel = files.find(({ filename }) => wheelVersion(filename) === version.toLowerCase());
      if (wheel) return describe(wheel, address, spec);
      for (const { filename } of files) versions.add(wheelVersion(filename) ?? "");
    } catch (error) {
      // Another index may have it.
      if (!(error instanceof DownloadError && error.kind === "notFound")) throw error;
      missing = error;
    }
  }
  const had = [...versions].filter(Boolean).join(", ");
  if (had === "" && missing) throw missing;
  const has = had === "" ? l10n.t("It has no wheel that suits every platform.") : l10n.t("It has {0}.", had);
  throw new DownloadError("notFound", l10n.t("{0} has no {1} of version {2}. {3}", hosts(indexes), name, version, has));
}

const hosts = (indexes: string[]) => [...new Set(indexes.map(hostOf))].join(l10n.t(" or "));

/** The version of a wheel that suits every platform (PEP 427: name-version[-build]-python-abi-platform). */
function wheelVersion(filename: string): string | undefined {
  const parts = /^(.+)-none-any\.whl$/i.exec(filename)?.[1]?.split("-") ?? [];
  return parts.length === 3 || parts.length === 4 ? parts[1]?.toLowerCase() : undefined;
}

interface IndexFile {
  filename: string;
  /** May be relative to the page. */
  url: string;
  sha256: string | undefined;
  bytes: number | undefined;
  yanked: string | undefined;
}

function describe({ url, sha256, bytes, yanked }: IndexFile, address: string, spec: string): Wheel {
  const host = hostOf(address);
  const absolute = URL.canParse(url, address) ? new URL(url, address) : undefined;
  if (!absolute || !/^https?:$/.test(absolute.protocol)) {
    throw new DownloadError("damaged", l10n.t("{0} names no http(s) address for {1}.", host, spec));
  }
  if (sha256 === undefined) throw new DownloadError("damaged", l10n.t("{0} names no sha256 for {1}.", host, spec));
  absolute.hash = "";
  return {
    url: absolute.href,
    digest: { algorithm: "sha256", hex: sha256 },
    ...(bytes === undefined ? {} : { bytes }),
    ...(yanked === undefined ? {} : { yanked }),
  };
}

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const project = z.object({
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.object({ sha256: hex.optional() }),
      size: z.int().nonnegative().optional(),
      yanked: z.union([z.boolean(), z.string()]).optional(),
    }),
  ),
});

const jsonType = "application/vnd.pypi.simple.v1+json";
/** Of what an index says of one package. */
const mostPageBytes = 64 << 20;
const pageTimeMs = 30_000;

/** The files of a package. @throws DownloadError; `notFound` where the index has no such package */
async function listFiles(address: string, name: string, http: Http, signal: AbortSignal): Promise<IndexFile[]> {
  const timeout = AbortSignal.timeout(pageTimeMs);
  const host = hostOf(address);
  try {
    // Indexes that know no JSON answer with the page that people see.
    const headers = { accept: `${jsonType}, text/html;q=0.2` };
    const response = await http(address, { headers, signal: AbortSignal.any([signal, timeout]) });
    if (response.status !== 200) throw statusError(response, l10n.t("package {0}", name));
    const page = await readText(response.body, host);
    const type = response.header("content-type") ?? "";
    return type.includes("json") ? fromJson(page, host) : await fromHtml(page, response.url);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DownloadError && error.kind === "gated") {
      throw new DownloadError(
        "gated",
        l10n.t(
          "{0} asks for a password for package {1}. Set its user and password for pip, in index-url or in ~/.netrc.",
          host,
          name,
        ),
        { cause: error },
      );
    }
    const failure = timeout.aborted
      ? new Transient(l10n.t("{0} did not answer within {1} s", host, pageTimeMs / 1000))
      : error;
    const told = connectionError(failure, address);
    if (told instanceof DownloadError) throw told;
    throw new DownloadError(
      "network",
      l10n.t(
        "{0}. Try again. To use another index, set pip's index-url (`pip config set global.index-url …`).",
        told.message,
      ),
      { cause: error },
    );
  }
}

async function readText(body: AsyncIterable<Uint8Array>, host: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostPageBytes) throw new DownloadError("damaged", l10n.t("{0} sent an answer that is too long.", host));
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks).toString("utf8");
}

function fromJson(page: string, host: string): IndexFile[] {
  let found: unknown;
  try {
    found = JSON.parse(page);
  } catch {
    // Told below.
  }
  const parsed = project.safeParse(found);
  if (!parsed.success)
    throw new DownloadError("damaged", l10n.t("{0} is no package index: its answer does not follow PEP 691.", host));
  return parsed.data.files.map(({ filename, url, hashes, size, yanked }) => ({
    ...{ filename, url, sha256: hashes.sha256, bytes: size },
    yanked: yanked === true ? "" : yanked || undefined,
  }));
}

/** PEP 503: one link for each file, its digest behind the address. */
async function fromHtml(page: string, address: string): Promise<IndexFile[]> {
  const { Parser } = await import("htmlparser2");
  const files: IndexFile[] = [];
  const parser = new Parser({
    onopentag(name, { href, "data-yanked": yanked }) {
      if (name !== "a" || href === undefined || !URL.canParse(href, address)) return;
      const url = new URL(href, address);
      const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1]?.toLowerCase();
      const filename = url.pathname.split("/").at(-1) ?? "";
      files.push({ filename, url: url.href, sha256, bytes: undefined, yanked });
    },
  });
  parser.end(page);
  return files;
}

/** HTTP as pip does it: the index's credentials go to its server only, proxies and certificates are pip's. */
export async function pypiHttp(): Promise<Http> {
  return httpOf(await pipConfiguration());
}

function httpOf({ authorization, proxy, trusted, own, trustsHost }: PipConfiguration): Http {
  return async (url, { headers, signal }) => {
    // npm's client: it goes through VS Code's proxy in an extension host, and elsewhere through the environment's.
    const { default: fetch } = await import("make-fetch-happen");
    const address = new URL(url);
    const value = authorization(address);
    const options = {
      headers: { ...headers, ...(value === undefined ? {} : { authorization: value }) },
      // Its types do not know that it takes one.
      signal,
      retry: false,
      timeout: 0,
      ...(proxy === undefined ? {} : { proxy }),
      ...(trusted === undefined ? {} : { ca: trusted }),
      ...(own === undefined ? {} : { cert: own, key: own }),
      ...(trustsHost(address) ? { strictSSL: false } : {}),
    };
    const response = await fetch(url, options);
    return {
      status: response.status,
      header: (name) => response.headers.get(name),
      url: response.url || url,
      authorized: value !== undefined,
      body: chunksOf(response.body),
    };
  };
}
