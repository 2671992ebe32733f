import { CancellationToken } from "vscode-jsonrpc";
import { requireChatTemplate } from "../../protocol/chatTemplate.js";
import {
  answerNowRequest,
  type ChatMessage,
  type CountPromptTokensResult,
  chatRequest,
  completeRequest,
  countPromptTokensRequest,
  countTokensRequest,
  type GenerationResult,
  generationProgress,
} from "../../protocol/messages.js";
import type { OtherModel } from "../engine/currentSettings.js";
import type { EngineClient } from "../engine/engine.js";
import { withProgress } from "../engine/progress.js";
import type { Backend, Capabilities, ChatEvents, ChatRequest, CompletionRequest, Limits } from "./backend.js";
import { CompletionCounts, type Completions } from "./completionCounts.js";

/** The models of this machine. Knows no VS Code. */
export class SidecarBackend implements Backend {
  private readonly counts = new CompletionCounts();

  /** @param model absent: those of the settings */
  constructor(
    private readonly engine: EngineClient,
    private readonly model?: OtherModel,
  ) {}

  /** What all completions have cost so far. */
  get completions(): Completions {
    return this.counts.all;
  }

  get capabilities(): Capabilities | undefined {
    const { loaded } = this.engine;
    return loaded && { infill: (loaded.inline ?? loaded).infill };
  }

  get canComplete(): boolean {
    return this.engine.suggests;
  }

  get isAnswering(): boolean {
    return this.engine.isAnswering;
  }

  warmUp(): void {
    this.engine.warmUp();
  }

  chat(
    request: ChatRequest,
    { onText, onThought, onToolCall, onWaiting }: ChatEvents,
    token: CancellationToken = CancellationToken.None,
  ): Promise<GenerationResult> {
    return this.engine.answer(
      async (connection, report) => {
        if (this.engine.loaded) requireChatTemplate(this.engine.loaded);
        return withProgress(
          connection,
          generationProgress,
          (progress) => {
            report(progress);
            if (progress.kind === "text" && progress.text !== "") onText(progress.text);
            if (progress.kind === "thought") onThought?.(progress);
            if (progress.kind === "toolCall") onToolCall?.(progress.call);
          },
          (progressToken) => connection.sendRequest(chatRequest, { ...request, progressToken }, token),
        );
      },
      token,
      onWaiting,
      this.model,
    );
  }

  async answerNow(sessionId: string): Promise<void> {
    await this.engine.consult(
      (connection) => connection.sendRequest(answerNowRequest, { sessionId }),
      CancellationToken.None,
    );
  }

  async complete(
    request: CompletionRequest,
    token: CancellationToken,
    onText: (text: string) => void = () => undefined,
  ): Promise<GenerationResult | undefined> {
    if (!this.engine.suggests) return undefined;
    const count = this.counts.begin();
    let result: GenerationResult | undefined;
    try {
      result = await this.engine.suggest((connection, ownToken) => {
        ownToken.onCancellationRequested(() => count.cancel());
        return withProgress(
          connection,
          generationProgress,
          (progress) => {
            count.progress(progress);
            if (progress.kind === "text" && progress.text !== "") onText(progress.text);
          },
          (progressToken) => connection.sendRequest(completeRequest, { ...request, progressToken }, ownToken),
        );
      }, token);
      return result;
    } finally {
      count.end(result);
    }
  }

  async countTokens(text: string, token: CancellationToken = CancellationToken.None): Promise<number> {
    const { tokens } = await this.engine.consult(
      (connection) => connection.sendRequest(countTokensRequest, { text }, token),
      token,
      this.model,
    );
    return tokens;
  }

  countPromptTokens(
    messages: ChatMessage[],
    token: CancellationToken = CancellationToken.None,
  ): Promise<CountPromptTokensResult> {
    return this.engine.consult(
      (connection) => connection.sendRequest(countPromptTokensRequest, { messages }, token),
      token,
      this.model,
    );
  }

  async limits(token: CancellationToken = CancellationToken.None): Promise<Limits> {
    const { contextTokens } = await this.engine.whenLoaded(token);
    return { contextTokens };
  }
}
