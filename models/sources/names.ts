/** Names of model files: what they tell, and whether they may be written to a disk. */
import * as l10n from "@vscode/l10n";
import filenamify from "filenamify";
import { DownloadError } from "../errors.js";

/**
 * A name for a file that a server has named: its last part, fit for every file system, so that nothing can be written
 * outside of the folder.
 * @throws DownloadError `reference` when it is no GGUF file's
 */
export function safeFileName(path: string): string {
  const last = path.split(/[/\\]/).at(-1) ?? "";
  const [stem = "", ...rest] = last.replace(/^\.+/, "").split(".");
  // Windows keeps CON and its like for itself, whatever follows the first dot.
  const name = [filenamify(stem, { replacement: "_", maxLength: 150 }), ...rest.map(endings)].join(".");
  if (!/.\.gguf$/i.test(name)) {
    throw new DownloadError("reference", l10n.t("“{0}” is not a GGUF model: its name must end with .gguf.", path));
  }
  return name;
}

const endings = (text: string) => filenamify(text, { replacement: "_", maxLength: 50 });

const part = /-(\d{5})-of-(\d{5})(?=\.gguf$)/i;

/** Which part of a split model a file is, from 1; undefined for a whole one. llama.cpp names them NAME-00001-of-00003. */
export function partOf(path: string): { index: number; count: number } | undefined {
  const [, index, count] = part.exec(path) ?? [];
  return index === undefined || count === undefined ? undefined : { index: Number(index), count: Number(count) };
}

/** The name of part `index` (from 1) of the split model that `path` is a part of. */
export function siblingPart(path: string, index: number): string {
  return path.replace(part, (text) => `-${String(index).padStart(5, "0")}${text.slice(6)}`);
}

/** `path` without what tells parts apart: the same for all files of one model. */
export function withoutPart(path: string): string {
  return path.replace(part, "");
}

/** The quantization that a file's name, or its folder's, tells, in capitals: `Q4_K_M`. */
export function quantizationOf(path: string): string | undefined {
  const pattern = /(?:^|[-_./])((?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|F32))(?=[-./]|$)/gi;
  return [...withoutPart(path).matchAll(pattern)].at(-1)?.[1]?.toUpperCase();
}
