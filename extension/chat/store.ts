import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Message } from "../../webview/messages.js";
import { parseConversation } from "./messages.js";
import type { Store } from "./session.js";

/** Which state of the file somebody has seen. */
interface Version {
  inode: bigint;
  modifiedNs: bigint;
}

/**
 * The conversation in a file, whole after any crash. Unlike VS Code's own storage it is there as soon as it is written,
 * so that a reload of the window at any moment loses nothing.
 */
export class ConversationFile implements Store {
  private next: readonly Message[] | undefined;
  private writing: Promise<void> | undefined;

  private constructor(
    private readonly file: string,
    readonly messages: Message[],
    private version: Version,
  ) {}

  /**
   * Reads `file` where it exists, and takes it over: whoever had it open before writes no more. What can't be read is
   * kept beside it.
   * @throws when the disk fails
   */
  static async open(file: string): Promise<ConversationFile> {
    await mkdir(dirname(file), { recursive: true });
    const stored = await readIfThere(file);
    const messages = stored === undefined ? [] : parse(stored);
    if (!messages) await rename(file, `${file}.unreadable`);
    return new ConversationFile(file, messages ?? [], await replace(file, messages ?? []));
  }

  /**
   * Writes the conversation; of several that wait the last one.
   * @throws when the disk fails, or another window has taken the file over
   */
  write(messages: readonly Message[]): Promise<void> {
    this.next = messages;
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  private async writeAll(): Promise<void> {
    while (this.next) {
      const messages = this.next;
      this.next = undefined;
      const found = await versionOf(this.file);
      if (found.inode !== this.version.inode || found.modifiedNs !== this.version.modifiedNs) {
        throw new Error("it is open in another window, which keeps it from now on");
      }
      this.version = await replace(this.file, messages);
    }
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): Message[] | undefined {
  try {
    return parseConversation(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function versionOf(file: string | FileHandle): Promise<Version> {
  const { ino, mtimeNs } = await (typeof file === "string"
    ? stat(file, { bigint: true })
    : file.stat({ bigint: true }));
  return { inode: ino, modifiedNs: mtimeNs };
}

/** Puts a new file in the place of `file`, at once. */
async function replace(file: string, messages: readonly Message[]): Promise<Version> {
  const temporary = `${file}.${randomUUID()}`;
  try {
    const handle = await open(temporary, "wx", 0o600);
    let version: Version;
    try {
      await handle.writeFile(JSON.stringify(messages));
      await handle.sync();
      version = await versionOf(handle);
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    return version;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
