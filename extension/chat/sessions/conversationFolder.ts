import { open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import * as l10n from "@vscode/l10n";
import { type FileVersion, isSameVersion, readJson, versionOf } from "../../../models/files/atomicJson.js";
import { syncFolder } from "../../../protocol/syncFolder.js";
import { hasCode } from "../../../protocol/systemErrors.js";
import {
  type Conversation,
  type ConversationSummary,
  isOfLaterVersion,
  longestSummary,
  newConversation,
  parseConversation,
  parseSummary,
} from "./conversation.js";
import { ConversationFile, type Kept } from "./conversationFile.js";
import { merge } from "./merge.js";
import { singleConversationSchema } from "./stored.js";

const ending = ".json";
/** What is kept of a file that can't be read. */
const damagedEnding = ".unreadable";
/** As `randomUUID` makes them: nothing that leads out of the folder. */
const validId = /^[\w-]{1,64}$/;
/** Of files at once. */
const concurrency = 32;

/** A later version of Flint has written the conversation. */
export class LaterVersion extends Error {
  override readonly name = "LaterVersion";
  constructor() {
    super(l10n.t("A later version of Flint has written this conversation."));
  }
}

interface KnownSummary {
  summary: ConversationSummary;
  version: FileVersion;
}

/** The stored conversations: a file of its own for each. */
export class ConversationFolder {
  /** Of files that have not changed since. */
  private readonly known = new Map<string, KnownSummary>();

  /** @param onDamaged told of each file that can't be read, by the path where it is kept */
  constructor(
    readonly folder: string,
    private readonly onDamaged: (keptAt: string, reason: string) => void,
  ) {}

  /** The newest first, without those of later versions of Flint. Reads of each file that has changed the first line. @throws the system's error */
  async list(): Promise<ConversationSummary[]> {
    const ids = await this.ids();
    const summaries: ConversationSummary[] = [];
    for (let start = 0; start < ids.length; start += concurrency) {
      const some = await Promise.all(ids.slice(start, start + concurrency).map((id) => this.summary(id)));
      summaries.push(...some.filter((summary) => summary !== undefined));
    }
    return summaries.sort((a, b) => b.updatedAt - a.updatedAt);
  }

  /**
   * The ids of those in which a text occurs, in whatever case.
   * @throws the reason of `signal`; the system's error
   */
  async search(text: string, signal: AbortSignal): Promise<Set<string>> {
    const said = text.toLowerCase();
    // As it stands in the files, whose form has words too: only those that have it somewhere are read as conversations.
    const wanted = JSON.stringify(said).slice(1, -1);
    const ids = await this.ids();
    const found = new Set<string>();
    for (let start = 0; start < ids.length; start += concurrency) {
      signal.throwIfAborted();
      const look = async (id: string) => {
        const content = await readFile(this.path(id), "utf8").catch(() => "");
        if (content.toLowerCase().includes(wanted) && wordsOf(id, content).toLowerCase().includes(said)) found.add(id);
      };
      await Promise.all(ids.slice(start, start + concurrency).map(look));
    }
    return found;
  }

  /** @returns undefined where there is none that can be read */
  async read(id: string): Promise<Conversation | undefined> {
    if (!validId.test(id)) return undefined;
    try {
      return await this.parse(id, await readFile(this.path(id), "utf8"));
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  /** Reads a conversation to go on with it. @returns as `read` */
  async open(id: string): Promise<{ conversation: Conversation; file: ConversationFile } | undefined> {
    if (!validId.test(id)) return undefined;
    try {
      return await ConversationFile.open(this.path(id), (text) => this.parseAgain(id, text));
    } catch (error) {
      if (error instanceof LaterVersion) return undefined;
      throw error;
    }
  }

  /** Gives a conversation another title, if there is one. @param title undefined: that of the first question. @throws the system's error */
  async rename(id: string, title: string | undefined): Promise<void> {
    const opened = await this.open(id);
    await opened?.file.write(held({ ...opened.conversation, title }));
  }

  /** Removes a conversation. @returns it, as it was last. @throws the system's error */
  async remove(id: string): Promise<Conversation | undefined> {
    const opened = await this.open(id);
    if (!opened) return undefined;
    const last = held(opened.conversation);
    await opened.file.delete(last);
    return last.conversation;
  }

  /** Stores a conversation, beside what another window may have stored of it. @throws the system's error */
  async put(conversation: Conversation): Promise<void> {
    await this.create(conversation.id).write(held(conversation));
  }

  /** Whether there is a file, readable or not. @throws the system's error */
  async has(id: string): Promise<boolean> {
    return (await this.ids()).includes(id);
  }

  /** For a conversation that has no file yet. */
  create(id: string): ConversationFile {
    return ConversationFile.create(this.path(id), (text) => this.parseAgain(id, text));
  }

  /**
   * Takes the one conversation over that earlier versions kept in `file`, which is gone then.
   * @returns its id; undefined where there is none, or nothing was said in it
   * @throws the system's error; then it is still where it was
   */
  async takeOver(file: string): Promise<string | undefined> {
    const found = await readJson(file, singleConversationSchema);
    if (found.kind === "absent") return undefined;
    if (found.kind === "damaged") {
      await this.keepAside(file, found.reason);
      return undefined;
    }
    let id: string | undefined;
    if (found.value.length > 0) {
      const { inode, modifiedNs } = await versionOf(file);
      // The same after a crash before it was removed.
      id = `taken-over-${inode.toString(36)}-${modifiedNs.toString(36)}`;
      const conversation = newConversation(id, Number(modifiedNs / 1_000_000n), found.value);
      if (!(await this.has(id))) await this.put(conversation);
    }
    // Another window may have been quicker.
    await rm(file, { force: true });
    return id;
  }

  private async ids(): Promise<string[]> {
    try {
      const names = (await readdir(this.folder)).filter((name) => name.endsWith(ending));
      return names.map((name) => name.slice(0, -ending.length)).filter((id) => validId.test(id));
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
      throw error;
    }
  }

  private async summary(id: string): Promise<ConversationSummary | undefined> {
    try {
      const file = await open(this.path(id), "r");
      try {
        const version = await versionOf(file);
        const known = this.known.get(id);
        if (known && isSameVersion(version, known.version)) return known.summary;
        const { buffer, bytesRead } = await file.read(Buffer.alloc(longestSummary), 0, longestSummary, 0);
        const beginning = buffer.toString("utf8", 0, bytesRead);
        if (isOfLaterVersion(beginning)) return undefined;
        const summary = parseSummary(id, beginning);
        this.known.set(id, { summary, version });
        return summary;
      } finally {
        await file.close();
      }
    } catch (error) {
      if (hasCode(error, "ENOENT")) return undefined;
      if (isSystemError(error)) throw error;
      await this.keepAside(this.path(id), String(error));
      return undefined;
    }
  }

  /** As `parse`. @throws LaterVersion */
  private async parseAgain(id: string, text: string): Promise<Conversation | undefined> {
    if (isOfLaterVersion(text)) throw new LaterVersion();
    return this.parse(id, text);
  }

  private async parse(id: string, text: string): Promise<Conversation | undefined> {
    if (isOfLaterVersion(text)) return undefined;
    try {
      return parseConversation(id, text);
    } catch (error) {
      await this.keepAside(this.path(id), String(error));
      return undefined;
    }
  }

  private async keepAside(path: string, reason: string): Promise<void> {
    const usual = `${path}${damagedEnding}`;
    // Nor is an earlier one lost.
    const taken = await versionOf(usual).catch(() => undefined);
    const keptAt = taken ? `${path}-${Date.now()}${damagedEnding}` : usual;
    await rename(path, keptAt);
    await syncFolder(this.folder).catch(() => undefined);
    this.onDamaged(keptAt, reason);
  }

  private path(id: string): string {
    return join(this.folder, `${id}${ending}`);
  }
}

/** A conversation that nobody has open. */
function held(conversation: Conversation): Kept {
  const kept = {
    conversation,
    absorb(theirs: Conversation, base: Conversation): boolean {
      const merged = merge(kept.conversation, theirs, base);
      kept.conversation = merged.conversation;
      return merged.hasOwn || merged.conversation.title !== theirs.title;
    },
  };
  return kept;
}

const isSystemError = (error: unknown): boolean => error instanceof Error && "syscall" in error;

/** Title, questions and answers; nothing of a file that is damaged. */
function wordsOf(id: string, content: string): string {
  try {
    const { title = "", tree, queue } = parseConversation(id, content);
    return [title, ...tree.nodes.map(({ message }) => message.text), ...queue.map((question) => question.text)].join(
      "\n",
    );
  } catch {
    return "";
  }
}
