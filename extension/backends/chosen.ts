/** What the settings choose, at each request: models of this machine, or one of another. */
import type { CancellationToken } from "vscode-jsonrpc";
import type { ChatMessage, CountPromptTokensResult } from "../../protocol/messages.js";
import type { Answer, Backend, Capabilities, ChatEvents, ChatRequest, CompletionRequest, Limits } from "./backend.js";

export interface Choices {
  /** The model of this machine. */
  local: Backend;
  /** Another machine's, where it is the chat model. @throws InvalidSetting */
  remoteChat(): Backend | undefined;
  /** Another machine's, where it makes the inline suggestions. @throws InvalidSetting */
  remoteInline(): Backend | undefined;
}

export class ChosenBackend implements Backend {
  constructor(private readonly choices: Choices) {}

  get capabilities(): Capabilities | undefined {
    return this.completer?.capabilities;
  }

  get canComplete(): boolean {
    return this.completer?.canComplete ?? false;
  }

  get isAnswering(): boolean {
    return this.choices.local.isAnswering || (this.completer?.isAnswering ?? false);
  }

  warmUp(): void {
    const { local } = this.choices;
    const all = new Set([this.completer, attempt(this.choices.remoteChat) ?? local]);
    for (const backend of all) backend?.warmUp();
  }

  async chat(request: ChatRequest, events: ChatEvents, token: CancellationToken): Promise<Answer> {
    return this.answerer.chat(request, events, token);
  }

  async answerNow(sessionId: string): Promise<void> {
    return this.answerer.answerNow(sessionId);
  }

  async complete(request: CompletionRequest, token: CancellationToken, onText?: (text: string) => void) {
    return this.completer?.complete(request, token, onText);
  }

  async countTokens(text: string, token: CancellationToken): Promise<number> {
    return this.answerer.countTokens(text, token);
  }

  async countPromptTokens(messages: ChatMessage[], token: CancellationToken): Promise<CountPromptTokensResult> {
    return this.answerer.countPromptTokens(messages, token);
  }

  async limits(token: CancellationToken): Promise<Limits> {
    return this.answerer.limits(token);
  }

  /** @throws InvalidSetting */
  private get answerer(): Backend {
    return this.choices.remoteChat() ?? this.choices.local;
  }

  /** Nobody asks for suggestions by hand: a wrong setting is told by the next question. */
  private get completer(): Backend | undefined {
    return attempt(() => this.choices.remoteInline() ?? this.choices.local);
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
