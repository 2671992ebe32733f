import * as l10n from "@vscode/l10n";
import { Emitter } from "vscode-jsonrpc";
import { hasCode } from "../../../protocol/systemErrors.js";
import type { Problem } from "../../../webview/messages.js";
import type { ConversationFile } from "./conversationFile.js";
import { LaterVersion } from "./conversationFolder.js";
import type { ChatSession } from "./session.js";

/** How long after a failure it is tried again, in ms. */
const retryMs = 5000;

/** Keeps the file of a session up to date: tries again by itself where the disk is full. */
export class StoredSession {
  private readonly didChange = new Emitter<void>();
  /** Fires when `problem` has changed. */
  readonly onDidChangeProblem = this.didChange.event;
  private failure: { error: unknown; problem: Problem } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly subscription;
  private isDisposed = false;

  constructor(
    readonly session: ChatSession,
    private readonly file: Pick<ConversationFile, "path" | "write" | "refresh" | "delete">,
    private readonly log: (line: string) => void,
  ) {
    this.subscription = session.onShouldStore(() => void this.store());
  }

  /** Why the conversation is not stored, and what to do; undefined while it is. */
  get problem(): Problem | undefined {
    return this.failure?.problem;
  }

  /** Stores the conversation as it is by now. Never rejects: what went wrong is in `problem` and in the log. */
  async store(): Promise<void> {
    clearTimeout(this.timer);
    try {
      await this.file.write(this.session);
      this.failed(undefined);
    } catch (error) {
      this.failed(error);
      // No time will change what a later version has written.
      if (error instanceof LaterVersion || this.isDisposed) return;
      this.timer = setTimeout(() => void this.store(), retryMs);
      this.timer.unref();
    }
  }

  /** Takes in what another window has written. Never rejects: the log tells what went wrong. */
  async refresh(): Promise<void> {
    try {
      await this.file.refresh(this.session);
    } catch (error) {
      this.log(`What another window has written could not be read: ${String(error)}`);
    }
  }

  /** Removes the file; nothing is stored any more. @throws the system's error */
  async delete(): Promise<void> {
    this.dispose();
    await this.file.delete(this.session);
  }

  /** Ends its session too. */
  dispose(): void {
    this.isDisposed = true;
    clearTimeout(this.timer);
    this.subscription.dispose();
    this.session.dispose();
    this.didChange.dispose();
  }

  private failed(error: unknown): void {
    // Each answer stores many times: the same failure is told once.
    if (String(this.failure?.error ?? "") === String(error ?? "")) return;
    if (error !== undefined) this.log(`The conversation could not be stored: ${String(error)}`);
    this.failure = error === undefined ? undefined : { error, problem: describe(error, this.file.path) };
    this.didChange.fire();
  }
}

function describe(error: unknown, path: string): Problem {
  const showLog = { label: l10n.t("Show log"), action: { kind: "showLog" } } as const;
  const tryAgain = { label: l10n.t("Try again"), action: { kind: "storeAgain" } } as const;
  const exportChat = { label: l10n.t("Export as Markdown…"), action: { kind: "exportChat" } } as const;
  if (error instanceof LaterVersion) {
    return {
      message: l10n.t(
        "A later version of Flint has written this conversation. What is said here is not stored. Export it, or reload the window.",
      ),
      actions: [exportChat],
    };
  }
  if (hasCode(error, "ENOSPC", "EDQUOT")) {
    return {
      message: l10n.t(
        "The disk is full: this conversation is not stored. Free some space where {0} is; Flint tries again every few seconds.",
        path,
      ),
      actions: [tryAgain, exportChat],
    };
  }
  return {
    message: l10n.t(
      "This conversation is not stored: {0} Flint tries again every few seconds.",
      error instanceof Error ? `${error.message}.` : String(error),
    ),
    actions: [tryAgain, exportChat, showLog],
  };
}
