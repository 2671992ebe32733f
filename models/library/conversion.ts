/**
 * Conversions of the models of a models folder (docs/sparse.md): what was asked for, so that it goes on after a reload or
 * a reboot, and what came of it. The converter itself keeps a journal of the layers that are done.
 */
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as l10n from "@vscode/l10n";
import * as z from "zod";
import type { ConvertParams, ConvertProgress, ConvertResult } from "../../protocol/messages.js";
import { hasCode } from "../../protocol/systemErrors.js";
import { diskError } from "../disk.js";
import { DownloadError } from "../errors.js";
import { readJson, removeLeftovers, writeJson } from "../files/atomicJson.js";
import { architectureOf, longestHeader, predictionCostOf } from "../gguf/header.js";
import { type ModelRecord, plainName, roleSchema } from "../record.js";
import type { Lock } from "./lock.js";
import { Model, workFolder } from "./model.js";

const conversionSchema = z.object({
  version: z.literal(1),
  /** Name of the first file of the model that is converted. */
  source: plainName,
  /** What is known of the source, which may be deleted afterwards. */
  reference: z.string().optional(),
  licence: z.string().optional(),
  role: roleSchema.optional(),
  /** It is to become the model in use when it is converted. */
  thenUse: z.boolean().optional(),
  /** Stopped by the user, or failed: goes on only when it is asked for again. */
  paused: z.boolean().optional(),
  /** Of so many tokens of the source's continuation so many came out again. Absent while it is not converted. */
  verified: z.object({ tokens: z.int().positive(), equal: z.int().nonnegative() }).optional(),
});
/** One conversion, finished or not. */
export type Conversion = z.infer<typeof conversionSchema>;

/** Runs the converter. @throws ResponseError; what `signal` says when it is aborted */
export type Converter = (
  params: ConvertParams,
  signal: AbortSignal,
  onProgress: (progress: ConvertProgress) => void,
) => Promise<ConvertResult>;

/** Architectures whose feed-forward blocks llama.cpp computes as down(relu(up(x))²), by their name in a header. */
const convertible = new Set(["arcee", "nemotron", "nemotron_h", "jais2", "plm"]);

/** Whether a model may gain from being converted, by the beginning of its header. */
export function isConvertible(beginning: Buffer): boolean {
  return convertible.has(architectureOf(beginning) ?? "");
}

/** As {@link isConvertible}, of a file; false for one that can't be read. */
export async function isConvertibleFile(path: string): Promise<boolean> {
  return isConvertible(await beginningOf(path));
}

/**
 * What computing only the neurons that its predictor names costs a converted model: the share by which perplexity rose when
 * it was converted. Undefined for what is no converted model.
 */
export async function predictionCost(path: string): Promise<number | undefined> {
  return predictionCostOf(await beginningOf(path));
}

/** {@link predictionCost} in words. @param format of a number with two decimals */
export const costInWords = (cost: number, format = (value: number) => value.toFixed(2)): string =>
  l10n.t("{0}% perplexity", `${cost >= 0 ? "+" : ""}${format(100 * cost)}`);

/** Empty for a file that can't be read. */
async function beginningOf(path: string): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      // What is wanted of it is among the first: the vocabulary, which is large, comes after it.
      const beginning = Buffer.alloc(Math.min(longestHeader, 1 << 16));
      const { bytesRead } = await file.read(beginning, 0, beginning.length, 0);
      return beginning.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return Buffer.alloc(0);
  }
}

const ending = "-flash.gguf";

/** What the converter names the model that it makes of `source`. */
export const convertedName = (source: string): string => source.replace(/\.gguf$/i, ending);

/** The file of neurons beside a converted model; undefined for a name that no converted model has. */
export function storeName(name: string): string | undefined {
  return name.endsWith(ending) ? name.replace(/\.gguf$/, ".flash") : undefined;
}

/** The model that a conversion of `source` makes. */
const convertedFrom = (source: Model): Model => new Model(source.folder, convertedName(source.name));
const fileEnding = ".conversion.json";
const filePath = (source: Model) => source.workPath(`${convertedName(source.name)}${fileEnding}`);
/** Where the converter keeps what it has done so far. */
const journalFolder = (source: Model) => source.pathOf(`.${convertedName(source.name).replace(/\.gguf$/, "")}.part`);

/** All conversions of a models folder; damaged files are passed over. @throws DownloadError `disk` */
export async function readConversions(folder: string): Promise<Conversion[]> {
  try {
    const names = await readdir(workFolder(folder)).catch((error: unknown) => {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
      throw error;
    });
    const paths = names.filter((name) => name.endsWith(fileEnding)).map((name) => join(workFolder(folder), name));
    const files = await Promise.all(paths.map((path) => readJson(path, conversionSchema)));
    return files.flatMap((file) => (file.kind === "value" ? [file.value] : []));
  } catch (error) {
    throw diskError(error, folder);
  }
}

/** @throws DownloadError `disk` */
export async function writeConversion(source: Model, conversion: Conversion): Promise<void> {
  try {
    await writeJson(filePath(source), conversion);
  } catch (error) {
    throw diskError(error, source.folder);
  }
}

/**
 * Removes what is known of a conversion, and what an unfinished one has written. The converted model stays.
 * @throws DownloadError `busy`, `disk`
 */
export async function removeConversion(source: Model): Promise<void> {
  const lock = await convertedFrom(source).lock();
  try {
    await rm(journalFolder(source), { recursive: true, force: true });
    await rm(filePath(source), { force: true });
    await removeLeftovers(filePath(source));
  } catch (error) {
    throw diskError(error, source.folder);
  } finally {
    await lock.release();
  }
}

/** Whether a process converts this model now. */
export function isConverting(source: Model): Promise<boolean> {
  return convertedFrom(source).isLocked();
}

export interface ConvertModelOptions {
  converter: Converter;
  ramCapBytes: number;
  signal: AbortSignal;
  onProgress(progress: ConvertProgress): void;
}

/** A conversion of this model that is still to be done. */
export function newConversion(source: string, record: ModelRecord | undefined, thenUse: boolean): Conversion {
  const { reference, licence, role } = record ?? {};
  return { version: 1, source, reference, licence, role, thenUse };
}

/**
 * Converts a model, going on where an earlier run stopped. The converter gives the two files their names when it has
 * compared them with the source; the source stays.
 * @throws DownloadError `busy` while another process converts it; what the converter throws. What is done is kept.
 */
export async function convertModel(
  source: Model,
  wanted: Conversion,
  options: ConvertModelOptions,
): Promise<ConvertResult> {
  const { signal, ramCapBytes } = options;
  const lock: Lock = await convertedFrom(source)
    .lock()
    .catch((error: unknown) => {
      if (!(error instanceof DownloadError && error.kind === "busy")) throw error;
      throw new DownloadError("busy", l10n.t("Another window or terminal is converting {0}.", source.name));
    });
  try {
    const pending = { ...wanted, paused: undefined, verified: undefined };
    await writeConversion(source, pending);
    await removeLeftovers(filePath(source));
    const params = { modelPath: source.path, folder: source.folder, ramCapBytes };
    const result = await options.converter(params, signal, options.onProgress);
    const verified = { tokens: result.verifiedTokens, equal: result.equalTokens };
    await writeConversion(source, { ...pending, verified });
    return result;
  } finally {
    await lock.release();
  }
}
