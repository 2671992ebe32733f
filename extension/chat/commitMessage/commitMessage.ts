import * as vscode from "vscode";
import type { Backend } from "../../backends/backend.js";
import { integer } from "../../numbers.js";
import { fitContext } from "../context/fit.js";
import { NothingToAttach } from "../context/source.js";
import { gitChanges, gitRepository } from "../context/sources/git.js";
import { withAttachments } from "../prompt/prompt.js";
import { systemPrompt } from "../prompt/systemPrompt.js";
import type { PromptTemplate } from "../templates/templates.js";
import { messageOf } from "./messageOf.js";

/** Of the context, what the staged changes may take: a message is short. */
const diffShare = 3 / 4;
const temperature = 0.2;
/** Longer ones are not read. */
const maximumTokens = 300;
const isWriting = "flint.writingCommitMessage";

/** Writes commit messages into the box of the git extension, one at a time. */
export class CommitMessages implements vscode.Disposable {
  private writing: vscode.CancellationTokenSource | undefined;

  constructor(
    private readonly backend: Pick<Backend, "chat" | "countTokens" | "limits">,
    private readonly template: () => PromptTemplate | undefined,
  ) {}

  /**
   * Writes a message for what is staged. What is in the box already stays where none comes of it.
   * @param rootUri of the repository; absent: that of the open file, or the first
   * @throws what the backend throws
   */
  async write(rootUri: vscode.Uri | undefined): Promise<void> {
    if (this.writing) return;
    const cancellation = new vscode.CancellationTokenSource();
    this.writing = cancellation;
    try {
      await vscode.commands.executeCommand("setContext", isWriting, true);
      await vscode.window.withProgress({ location: vscode.ProgressLocation.SourceControl }, () =>
        this.writeNow(rootUri, cancellation.token),
      );
    } catch (error) {
      if (cancellation.token.isCancellationRequested) return;
      if (!(error instanceof NothingToAttach)) throw error;
      void vscode.window.showInformationMessage(error.message);
    } finally {
      this.writing = undefined;
      cancellation.dispose();
      await vscode.commands.executeCommand("setContext", isWriting, false);
    }
  }

  /** Ends it; what was written so far stays. */
  stop(): void {
    this.writing?.cancel();
  }

  dispose(): void {
    this.stop();
  }

  private async writeNow(rootUri: vscode.Uri | undefined, token: vscode.CancellationToken): Promise<void> {
    const { inputBox } = await gitRepository(rootUri);
    const content = await (await gitChanges(rootUri)).read();
    const template = this.template();
    if (!template) return;
    const { contextTokens } = await this.backend.limits(token);
    const [fitted] = await fitContext([content], Math.floor(contextTokens * diffShare), (text) =>
      this.backend.countTokens(text, token),
    );
    if (!fitted || fitted.attachments.length === 0) return;
    if (fitted.omitted !== undefined) {
      void vscode.window.showWarningMessage(
        vscode.l10n.t(
          "The changes do not fit into the context: the message is written from the first {0} tokens.",
          integer(fitted.tokens),
        ),
      );
    }
    const before = inputBox.value;
    let answer = "";
    let written = before;
    // Who types in the box meanwhile wants to write by themselves.
    const show = (text: string) => {
      if (inputBox.value !== written) this.stop();
      else if (text !== "") written = inputBox.value = text;
    };
    const messages = [
      { role: "system" as const, text: systemPrompt },
      { role: "user" as const, text: withAttachments(template.text, fitted.attachments) },
    ];
    const onText = (text: string) => {
      answer += text;
      show(messageOf(answer));
    };
    const result = await this.backend.chat(
      { messages, temperature, maximumTokens, thinking: false },
      { onText },
      token,
    );
    if (result.finishReason !== "cancelled") show(messageOf(result.text));
  }
}
