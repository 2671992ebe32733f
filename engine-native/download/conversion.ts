/**
 * Conversions of the models of a models folder (docs/sparse.md): what was asked for, so that it goes on after a reload or
 * a reboot, and what came of it. The converter itself keeps a journal of the layers that are done.
 */
import { open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { ConvertParams, ConvertProgress, ConvertResult } from "../protocol.js";
import { diskError } from "./disk.js";
import { DownloadError, hasCode } from "./errors.js";
import { architectureOf, longestHeader, predictionCostOf } from "./header.js";
import { acquireLock, isLocked } from "./lock.js";
import { lockPath, type ModelRecord, plainName, syncFolder, workFolder } from "./record.js";

const conversionSchema = z.object({
  version: z.literal(1),
  /** Name of the first file of the model that is converted. */
  source: plainName,
  /** What is known of the source, which may be deleted afterwards. */
  reference: z.string().optional(),
  licence: z.string().optional(),
  role: z.enum(["chat", "inline", "both"]).optional(),
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

/** {@link predictionCost} in words. */
export const costInWords = (cost: number): string => `${cost >= 0 ? "+" : ""}${(100 * cost).toFixed(2)}% of perplexity`;

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

const recordPath = (folder: string, source: string) =>
  join(workFolder(folder), `${convertedName(source)}.conversion.json`);
const lockOf = (folder: string, source: string) => lockPath(folder, convertedName(source));
/** Where the converter keeps what it has done so far. */
const journalFolder = (folder: string, source: string) =>
  join(folder, `.${convertedName(source).replace(/\.gguf$/, "")}.part`);

/** All conversions of a folder. @throws DownloadError `disk` */
export async function readConversions(folder: string): Promise<Conversion[]> {
  const names = await readdir(workFolder(folder)).catch((error: unknown) => {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw diskError(error, folder);
  });
  const found = names.filter((name) => name.endsWith(".conversion.json")).map((name) => read(folder, name));
  return (await Promise.all(found)).filter((conversion) => conversion !== undefined);
}

/** @returns undefined where it has just been removed, or can't be understood */
async function read(folder: string, name: string): Promise<Conversion | undefined> {
  try {
    return conversionSchema.safeParse(JSON.parse(await readFile(join(workFolder(folder), name), "utf8"))).data;
  } catch (error) {
    if (hasCode(error, "ENOENT") || error instanceof SyntaxError) return undefined;
    throw diskError(error, folder);
  }
}

/** Writes a conversion; a crash leaves the old or the new one. */
export async function writeConversion(folder: string, conversion: Conversion): Promise<void> {
  const path = recordPath(folder, conversion.source);
  await writeFile(`${path}.new`, JSON.stringify(conversion), { flush: true });
  await rename(`${path}.new`, path);
  await syncFolder(workFolder(folder));
}

/**
 * Forgets a conversion, and with it what an unfinished one has written. The converted model stays.
 * @throws DownloadError `busy`, `disk`
 */
export async function removeConversion(folder: string, source: string): Promise<void> {
  const lock = await acquireLock(lockOf(folder, source));
  try {
    await rm(journalFolder(folder, source), { recursive: true, force: true });
    await rm(recordPath(folder, source), { force: true });
  } catch (error) {
    throw diskError(error, folder);
  } finally {
    await lock.release();
  }
}

/** Whether a process converts this model now. */
export function isConverting(folder: string, source: string): Promise<boolean> {
  return isLocked(lockOf(folder, source));
}

export interface ConvertModelOptions {
  folder: string;
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
 * Converts a model of the folder, going on where an earlier run of it stopped. The converter gives the two files their
 * names when it has compared them with the source; the source stays.
 * @throws DownloadError `busy` while another process is at it; what the converter throws. What is done is kept.
 */
export async function convertModel(wanted: Conversion, options: ConvertModelOptions): Promise<ConvertResult> {
  const { folder, signal, ramCapBytes } = options;
  const lock = await acquireLock(lockOf(folder, wanted.source)).catch((error: unknown) => {
    if (!(error instanceof DownloadError && error.kind === "busy")) throw error;
    throw new DownloadError("busy", `Another window or terminal is converting ${wanted.source}.`);
  });
  try {
    const pending = { ...wanted, paused: undefined, verified: undefined };
    await writeConversion(folder, pending);
    const params = { modelPath: join(folder, wanted.source), folder, ramCapBytes };
    const result = await options.converter(params, signal, options.onProgress);
    const verified = { tokens: result.verifiedTokens, equal: result.equalTokens };
    await writeConversion(folder, { ...pending, verified });
    return result;
  } finally {
    await lock.release();
  }
}
