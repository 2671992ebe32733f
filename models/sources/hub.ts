/** The Hugging Face Hub, or another that speaks its API: `HF_ENDPOINT`, `HF_TOKEN` and its own login are honoured. */

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { HUB_URL, HubApiError, listFiles, listModels, modelInfo } from "@huggingface/hub";
import * as l10n from "@vscode/l10n";
import { hasCode } from "../../protocol/systemErrors.js";
import { DownloadError } from "../errors.js";
import { type Authorize, connectionError, type Fetch, type Http, httpOver, statusError } from "../transfer/http.js";

export interface HubOptions {
  fetch: Fetch;
  /** Instead of the environment's. */
  token?: string | undefined;
  /** What carries the files instead of `fetch`. */
  http?: ((authorize: Authorize) => Http) | undefined;
}

/** A GGUF file of a repository. */
export interface HubFile {
  path: string;
  bytes: number;
  /** Of files that the Hub keeps in its large file storage, as all models are. */
  sha256?: string;
  url: string;
}

export interface HubRepository {
  id: string;
  /** The commit that `files` are of, so that a download never joins two versions. */
  commit: string;
  licence?: string;
  /** The Hub gives the files to those only who have accepted the licence. */
  gated: boolean;
  /** Its page, for people. */
  page: string;
  files: HubFile[];
}

export interface HubHit {
  id: string;
  downloads: number;
  likes: number;
  gated: boolean;
}

/** Where the Hub is: `HF_ENDPOINT`, else the library's default. Without a slash at the end. */
export function hubEndpoint(environment: NodeJS.ProcessEnv = process.env): string {
  const endpoint = environment["HF_ENDPOINT"]?.trim();
  if (!endpoint) return HUB_URL;
  if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol)) {
    throw new DownloadError("reference", l10n.t("HF_ENDPOINT is “{0}”, which is not an http(s) address.", endpoint));
  }
  return endpoint.replace(/\/+$/, "");
}

/** The user's token: `HF_TOKEN`, else what `hf auth login` has stored. */
async function environmentToken(environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const { HF_TOKEN, HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME } = environment;
  if (HF_TOKEN?.trim()) return HF_TOKEN.trim();
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  try {
    return (await readFile(HF_TOKEN_PATH || join(home, "token"), "utf8")).trim() || undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) return undefined;
    throw error;
  }
}

export class Hub {
  readonly endpoint = hubEndpoint();
  private readonly credentials: Promise<string | undefined>;

  constructor(private readonly options: HubOptions) {
    this.credentials = options.token ? Promise.resolve(options.token) : environmentToken();
    // Told to whoever first asks something.
    this.credentials.catch(() => undefined);
  }

  /** HTTP that shows the token to the Hub, and to nobody else. */
  async http(): Promise<Http> {
    const { fetch, http = (authorize) => httpOver(fetch, authorize) } = this.options;
    return http(await this.authorize());
  }

  /** Whether the Hub knows the token. @throws when it can't be asked */
  async knowsToken(signal: AbortSignal): Promise<boolean> {
    const headers = { authorization: `Bearer ${await this.credentials}` };
    const { status, body } = await this.options.fetch(`${this.endpoint}/api/whoami-v2`, { headers, signal });
    await body?.cancel();
    return status !== 401;
  }

  private async authorize(): Promise<Authorize> {
    const token = await this.credentials;
    const { origin } = new URL(this.endpoint);
    return (url) => (token && url.origin === origin ? `Bearer ${token}` : undefined);
  }

  /** The repositories with GGUF files that match, the most used first. @throws DownloadError */
  async search(query: string, signal: AbortSignal, limit = 20): Promise<HubHit[]> {
    return this.ask(l10n.t("models for “{0}”", query), signal, async (params) => {
      const hits: HubHit[] = [];
      const search = { query, tags: ["gguf"] };
      for await (const { name, downloads, likes, gated } of listModels({
        ...params,
        search,
        sort: "downloads",
        limit,
      })) {
        hits.push({ id: name, downloads, likes, gated: Boolean(gated) });
      }
      return hits;
    });
  }

  /** A repository with its GGUF files. @throws DownloadError */
  async repository(id: string, revision: string | undefined, signal: AbortSignal): Promise<HubRepository> {
    return this.ask(id, signal, async (params) => {
      const info = await modelInfo({
        ...params,
        name: id,
        additionalFields: ["sha", "tags", "cardData"],
        ...(revision === undefined ? {} : { revision }),
      });
      const { sha: commit } = info;
      const files: HubFile[] = [];
      for await (const { type, path, size, lfs } of listFiles({
        ...params,
        repo: id,
        revision: commit,
        recursive: true,
      })) {
        if (type !== "file" || !/\.gguf$/i.test(path)) continue;
        const address = path.split("/").map(encodeURIComponent).join("/");
        const url = `${this.endpoint}/${id}/resolve/${encodeURIComponent(commit)}/${address}`;
        files.push({
          path,
          bytes: lfs?.size ?? size,
          url,
          ...(lfs ? { sha256: lfs.oid.replace(/^sha256:/, "") } : {}),
        });
      }
      const licence = info.tags.find((tag) => tag.startsWith("license:"))?.slice("license:".length);
      const page = `${this.endpoint}/${id}`;
      return { id, commit, files, page, gated: Boolean(info.gated), ...(licence === undefined ? {} : { licence }) };
    });
  }

  /** Calls the library, and makes its errors ours. */
  private async ask<Result>(
    what: string,
    signal: AbortSignal,
    work: (params: { hubUrl: string; fetch: Fetch }) => Promise<Result>,
  ): Promise<Result> {
    const authorize = await this.authorize();
    // The library takes only tokens of the Hub's own form, and would show them wherever a next page is said to be.
    const authorized = authorize(new URL(this.endpoint)) !== undefined;
    const fetch: Fetch = (input, init) => {
      const headers = new Headers(init?.headers);
      const authorization = authorize(new URL(input instanceof Request ? input.url : input));
      if (authorization !== undefined) headers.set("authorization", authorization);
      return this.options.fetch(input, { ...init, headers, signal });
    };
    try {
      return await work({ hubUrl: this.endpoint, fetch });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DownloadError) throw error;
      const failure =
        error instanceof HubApiError
          ? statusError({ status: error.statusCode, header: () => null, url: this.endpoint, authorized }, what)
          : connectionError(error, this.endpoint);
      if (failure instanceof DownloadError) throw failure;
      throw new DownloadError("network", l10n.t("{0}. Try again.", failure.message), { cause: error });
    }
  }
}
