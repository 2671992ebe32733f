import { readFile, rm } from "node:fs/promises";
import * as l10n from "@vscode/l10n";
import { type FileVersion, versionOf, writeText } from "../../../models/files/atomicJson.js";
import { hasCode } from "../../../protocol/systemErrors.js";

/** Another window has opened the conversation, and stores it from now on. */
export class TakenOver extends Error {
  override readonly name = "TakenOver";
  constructor() {
    super(l10n.t("Another window has opened this conversation, and stores it from now on."));
  }
}

/**
 * A conversation in a file, whole after any crash. Unlike VS Code's own storage it is there as soon as it is written, so
 * that a reload of the window at any moment loses nothing. Whoever opens it last has it.
 */
export class ConversationFile {
  private next: (() => string) | undefined;
  private writing: Promise<void> | undefined;

  /** @param version what was written last; undefined: there is no file yet */
  private constructor(
    readonly path: string,
    private version: FileVersion | undefined,
  ) {}

  /** A file that is made when it is first written. */
  static create(path: string): ConversationFile {
    return new ConversationFile(path, undefined);
  }

  /**
   * Reads a file, and takes it over.
   * @returns also its text; undefined where there is none
   * @throws the system's error when the disk fails
   */
  static async open(path: string): Promise<{ file: ConversationFile; text: string } | undefined> {
    try {
      const text = await readFile(path, "utf8");
      // On a full disk it can be read all the same; the next write says what is wrong.
      const version = await writeText(path, text).catch(() => versionOf(path));
      return { file: new ConversationFile(path, version), text };
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  /**
   * Writes a text; of several that wait the last one.
   * @param text called when it is written, which may be later
   * @throws the system's error when the disk fails; {@link TakenOver}
   */
  write(text: () => string): Promise<void> {
    this.next = text;
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
    });
    return this.writing;
  }

  /** Removes the file, after what is being written. @throws the system's error */
  async delete(): Promise<void> {
    this.next = undefined;
    await this.writing?.catch(() => undefined);
    await rm(this.path, { force: true });
    this.version = undefined;
  }

  private async writeAll(): Promise<void> {
    while (this.next) {
      const text = this.next;
      this.next = undefined;
      if (!(await this.isOurs())) throw new TakenOver();
      this.version = await writeText(this.path, text());
    }
  }

  /** Whether it is as we have written it. What is gone may be written again. */
  private async isOurs(): Promise<boolean> {
    try {
      const { inode, modifiedNs } = await versionOf(this.path);
      return inode === this.version?.inode && modifiedNs === this.version.modifiedNs;
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return true;
      throw error;
    }
  }
}
