import { open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { type FileVersion, isSameVersion, versionOf, writeText } from "../../../models/files/atomicJson.js";
import { hasCode } from "../../../protocol/systemErrors.js";
import { type Conversation, newConversation, parseConversation, serialize } from "./conversation.js";
import { withLock } from "./storeLock.js";

/** A conversation in memory that has a file. */
export interface Kept {
  readonly conversation: Conversation;
  /**
   * Takes in what another window has written.
   * @param base what was in the file before
   * @returns whether it has something that is not in `theirs`
   */
  absorb(theirs: Conversation, base: Conversation): boolean;
}

/** A text, and which writing of the file it is of. */
interface Content {
  text: string;
  version: FileVersion;
}

/**
 * A conversation in a file, whole after any crash. Unlike VS Code's own storage it is there as soon as it is written, so
 * that a reload of the window at any moment loses nothing. Other windows may write it too: what they wrote is taken in
 * before it is written again, and nothing is written that is not new.
 */
export class ConversationFile {
  private next: { kept: Kept; writes: boolean } | undefined;
  private working: Promise<void> | undefined;
  /** What we have in memory, serialized, while the file has all of it. */
  private stored: string | undefined;

  /**
   * @param parse of what another window wrote; undefined where it can't be read, and is kept elsewhere
   * @param seen what was in the file when it was read or written last; undefined: there is no file yet
   */
  private constructor(
    readonly path: string,
    private readonly parse: (text: string) => Promise<Conversation | undefined>,
    private seen: Content | undefined,
  ) {}

  /** A file that is made when it is first written. */
  static create(path: string, parse: ConversationFile["parse"]): ConversationFile {
    return new ConversationFile(path, parse, undefined);
  }

  /**
   * Only reads a file.
   * @returns undefined where there is none, or none that can be read
   * @throws the system's error when the disk fails; as `parse`
   */
  static async open(
    path: string,
    parse: ConversationFile["parse"],
  ): Promise<{ file: ConversationFile; conversation: Conversation } | undefined> {
    const content = await readContent(path, undefined);
    if (content === undefined || content === "same") return undefined;
    const conversation = await parse(content.text);
    return conversation && { file: new ConversationFile(path, parse, content), conversation };
  }

  /** Says that `kept` is what was read, so that it is not written before it changes. */
  holds(kept: Kept): void {
    this.stored = serialize(kept.conversation);
  }

  /**
   * Writes a conversation where it has changed; of several calls that wait the last one.
   * @throws the system's error when the disk fails; as `parse`
   */
  write(kept: Kept): Promise<void> {
    return this.queue(kept, true);
  }

  /** Takes in what another window has written. @throws as `write` */
  refresh(kept: Kept): Promise<void> {
    return this.queue(kept, this.next?.writes ?? false);
  }

  /** Takes in what another window has written, and removes the file. @throws as `write` */
  async delete(kept: Kept): Promise<void> {
    this.next = undefined;
    await this.working?.catch(() => undefined);
    await this.locked(async () => {
      await this.takeIn(kept);
      await rm(this.path, { force: true });
    });
    this.seen = undefined;
    this.stored = undefined;
  }

  private queue(kept: Kept, writes: boolean): Promise<void> {
    this.next = { kept, writes };
    this.working ??= this.work().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  private async work(): Promise<void> {
    while (this.next) {
      const { kept, writes } = this.next;
      this.next = undefined;
      if (writes) await this.writeNow(kept);
      else await this.takeIn(kept);
    }
  }

  private async writeNow(kept: Kept): Promise<void> {
    // Also where it was deleted: in another window, by a person.
    if (this.stored === serialize(kept.conversation)) return;
    await this.locked(async () => {
      await this.takeIn(kept);
      const text = serialize(kept.conversation);
      if (this.stored === text) return;
      this.seen = { text, version: await writeText(this.path, text) };
      this.stored = text;
    });
  }

  private async takeIn(kept: Kept): Promise<void> {
    const content = await readContent(this.path, this.seen?.version);
    if (content === undefined || content === "same") return;
    if (content.text !== this.seen?.text) {
      const theirs = await this.parse(content.text);
      if (!theirs) {
        this.stored = undefined;
        return;
      }
      const { id } = theirs;
      const base = this.seen ? parseConversation(id, this.seen.text) : newConversation(id);
      const wasStored = this.stored === serialize(kept.conversation);
      const hasOwn = kept.absorb(theirs, base);
      this.stored = wasStored && !hasOwn ? serialize(kept.conversation) : undefined;
    }
    this.seen = content;
  }

  /** One lock for all files: they are written in no time. */
  private locked<T>(work: () => Promise<T>): Promise<T> {
    return withLock(`${dirname(this.path)}.lock`, work);
  }
}

/** @returns "same" where it is that of `known`; undefined where there is no file. @throws the system's error */
async function readContent(path: string, known: FileVersion | undefined): Promise<Content | "same" | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const version = await versionOf(file);
      return isSameVersion(version, known) ? "same" : { text: await file.readFile("utf8"), version };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
