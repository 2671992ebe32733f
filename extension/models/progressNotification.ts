import * as vscode from "vscode";
import { DownloadError } from "../../models/errors.js";
import { abortedBy } from "../engine/cancellation.js";
import { Cancelled } from "../engine/errors.js";

/** What VS Code hands to work that it shows the progress of. */
export type Report = vscode.Progress<{ message?: string; increment?: number }>;

/** A notification's progress as shares of the whole: VS Code wants what was added since. */
export class ProgressShare {
  private shown = 0;

  constructor(private readonly report: Report) {}

  /** @param percent 0 to 100; less than before is shown as before */
  show(percent: number, message: string): void {
    const share = Math.max(this.shown, Math.min(100, percent));
    this.report.report({ message, increment: share - this.shown });
    this.shown = share;
  }
}

/**
 * Runs `work` with a notification that can be cancelled, and shows what it rejects with where that is expected.
 * @returns undefined when it was cancelled or failed. @throws what is not expected
 */
export async function withNotification<Result>(
  title: string,
  work: (report: Report, signal: AbortSignal) => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      (report, token) => abortedBy(token, (signal) => work(report, signal)),
    );
  } catch (error) {
    if (error instanceof DownloadError) void vscode.window.showErrorMessage(error.message);
    else if (!isCancelled(error)) throw error;
    return undefined;
  }
}

const isCancelled = (error: unknown) =>
  error instanceof Cancelled || (error instanceof Error && error.name === "AbortError");
