import * as z from "zod";
import { readJson } from "../../../models/files/atomicJson.js";
import type { AttachedContext } from "../context/pending.js";
import { JsonFollower } from "./jsonFollower.js";
import { attachmentSchema } from "./stored.js";

const schema = z.object({
  version: z.literal(1),
  attached: z.array(
    z.object({
      key: z.string(),
      label: z.string(),
      icon: z.string(),
      uri: z.string().optional(),
      attachments: z.array(attachmentSchema),
      omitted: z.string().optional(),
    }),
  ),
});

/** Something that was attached to the question that is being written, as it is stored. */
export type StoredContext = z.infer<typeof schema>["attached"][number];

/** Keeps what is attached to the question that is being written over a restart, in a file of its own. */
export class AttachedFile {
  private attached: readonly AttachedContext[] = [];
  private readonly follower;

  private constructor(
    file: string,
    /** What was attached when the file was written last. */
    readonly before: readonly StoredContext[],
    log: (line: string) => void,
  ) {
    const toStored = ({ source: { key, label, icon, uri }, content }: AttachedContext): StoredContext => ({
      ...{ key, label, icon, uri },
      ...content,
    });
    this.follower = new JsonFollower(
      file,
      () => ({ version: 1, attached: this.attached.map(toStored) }),
      (error) => log(`What is attached could not be stored: ${String(error)}`),
    );
  }

  /** Reads `file` where it exists. Never rejects: without it, nothing but attachments is lost, which the log tells. */
  static async open(file: string, log: (line: string) => void): Promise<AttachedFile> {
    try {
      const found = await readJson(file, schema);
      if (found.kind === "damaged") log(found.reason);
      return new AttachedFile(file, found.kind === "value" ? found.value.attached : [], log);
    } catch (error) {
      log(`${file}: ${String(error)}`);
      return new AttachedFile(file, [], log);
    }
  }

  /** Never rejects. */
  store(attached: readonly AttachedContext[]): Promise<void> {
    this.attached = attached;
    return this.follower.store();
  }
}
