import { randomUUID } from "node:crypto";
import { type CancellationToken, CancellationTokenSource, Emitter } from "vscode-jsonrpc";
import type { ChatMessage, ChatParams, GenerationResult, LoadResult, Plan } from "../../engine-native/protocol.js";
import { slowDisk } from "../../engine-native/slowDisk.js";
import type { AssistantMessage, Attachment, Message, Problem } from "../../webview/messages.js";
import { Cancelled, EngineStopped } from "../engine/errors.js";
import { withAttachment } from "./attachment.js";

/** Greedy, a small model falls into saying the same over and over; and asking again would change nothing. */
const temperature = 0.5;
/** How often a growing answer is stored, in ms: what a crash of the editor may cost. */
const storeEveryMs = 1000;

/** What answers: the engine. */
export interface Answerer {
  /** What it answers with. */
  readonly loaded?: Pick<LoadResult, "plan"> | undefined;
  chat(
    params: Pick<ChatParams, "messages" | "temperature">,
    onText: (text: string) => void,
    token: CancellationToken,
  ): Promise<GenerationResult>;
}

/** Where the conversation is kept over a reload of the window. */
export interface Store {
  /** What was kept when it was opened. */
  readonly messages: readonly Message[];
  write(messages: readonly Message[]): Promise<void>;
}

export interface SessionOptions {
  engine: Answerer;
  store: Store;
  /** An error in words, with what to do about it. */
  toProblem(error: unknown): Problem;
  log(line: string): void;
}

/** One conversation: questions, streamed answers, and what became of them. Every change is stored. */
export class ChatSession {
  private readonly didChange = new Emitter<void>();
  private readonly didStream = new Emitter<{ id: string; text: string }>();
  /** Fires when a message came, went or changed its state. */
  readonly onDidChange = this.didChange.event;
  /** Fires when an answer grew by `text`. */
  readonly onDidStream = this.didStream.event;

  private list: Message[];
  private answering: CancellationTokenSource | undefined;
  /** Settles with the answer under way. */
  private ended: Promise<void> = Promise.resolve();
  private storedAt = 0;

  constructor(private readonly options: SessionOptions) {
    // What was streaming when the window closed can't go on.
    this.list = options.store.messages.map((message) =>
      message.role === "assistant" && message.state === "streaming" ? { ...message, state: "stopped" } : message,
    );
  }

  /** Oldest first. */
  get messages(): readonly Message[] {
    return this.list;
  }
  get isAnswering(): boolean {
    return this.answering !== undefined;
  }

  /**
   * Asks `text`, after an answer that is under way. Settles when its own has ended, in whichever way; never rejects.
   * @param about what the question is about; absent: the same as the question it replaces
   * @param replaces id of the question that it is put in place of, with all that came after it
   */
  async ask(
    text: string,
    { about, replaces }: { about?: Attachment | undefined; replaces?: string | undefined } = {},
  ): Promise<void> {
    while (this.answering) await this.ended;
    const index = this.list.findIndex(({ id }) => id === replaces);
    const replaced = this.list[index];
    const attachment = about ?? (replaced?.role === "user" ? replaced.attachment : undefined);
    if (replaced) this.list = this.list.slice(0, index);
    this.list.push({ id: randomUUID(), role: "user", text, ...(attachment && { attachment }) });
    await this.startAnswer();
  }

  /** Takes a question and its answer away; not while an answer is under way. */
  delete(id: string): void {
    const index = this.list.findIndex((message) => message.id === id && message.role === "user");
    if (this.answering || index === -1) return;
    const next = this.list.findIndex(({ role }, other) => other > index && role === "user");
    this.list.splice(index, (next === -1 ? this.list.length : next) - index);
    this.changed();
  }

  /** Asks the last question again, in place of its last answer. As `ask`. */
  async askAgain(): Promise<void> {
    if (this.answering) return;
    const last = this.list.at(-1);
    if (!last) return;
    if (last.role === "assistant") this.list.pop();
    await this.startAnswer();
  }

  /** Ends the answer under way; its text so far stays. */
  stop(): void {
    this.answering?.cancel();
  }

  /** Starts an empty conversation. */
  clear(): void {
    this.stop();
    this.list = [];
    this.changed();
  }

  /** Stores what the answer under way has said by now. Never rejects: what went wrong is in the log. */
  async store(): Promise<void> {
    this.storedAt = Date.now();
    try {
      await this.options.store.write(structuredClone(this.list));
    } catch (error) {
      this.options.log(`The conversation could not be stored: ${String(error)}`);
    }
  }

  dispose(): void {
    this.stop();
    this.didChange.dispose();
    this.didStream.dispose();
  }

  private startAnswer(): Promise<void> {
    this.ended = this.answer();
    return this.ended;
  }

  private async answer(): Promise<void> {
    const cancellation = new CancellationTokenSource();
    const messages = toPrompt(this.list);
    const answer: AssistantMessage = { id: randomUUID(), role: "assistant", text: "", state: "streaming" };
    this.list.push(answer);
    this.answering = cancellation;
    this.changed();
    const grow = (text: string) => {
      answer.text += text;
      this.didStream.fire({ id: answer.id, text });
      if (Date.now() - this.storedAt > storeEveryMs) void this.store();
    };
    try {
      const result = await this.options.engine.chat({ messages, temperature }, grow, cancellation.token);
      answer.state = result.finishReason === "cancelled" ? "stopped" : "done";
      // The result has the whole text, also when a progress report was lost.
      answer.text = result.text || answer.text;
      answer.detail = describe(result, this.options.engine.loaded?.plan?.measured);
    } catch (error) {
      if (error instanceof Cancelled || cancellation.token.isCancellationRequested) {
        answer.state = "stopped";
      } else {
        answer.state = "error";
        answer.problem = this.problem(error, answer);
      }
    } finally {
      cancellation.dispose();
      if (this.answering === cancellation) this.answering = undefined;
      this.changed();
    }
  }

  /** A crash is told at once, and told again when it is known whether the engine is back. */
  private problem(error: unknown, answer: AssistantMessage): Problem {
    if (!(error instanceof EngineStopped && error.restarted)) return this.options.toProblem(error);
    void error.restarted.then((restarted) => {
      if (!this.list.includes(answer)) return;
      answer.problem = {
        message: restarted ? `${error.message} Restarted. Ask again?` : `${error.message} It could not be restarted.`,
        actions: restarted
          ? [{ label: "Ask again", action: { kind: "askAgain" } }]
          : [{ label: "Restart engine", action: { kind: "restartEngine" } }],
      };
      this.changed();
    });
    return {
      message: `${error.message} Restarting it.`,
      actions: [{ label: "Show log", action: { kind: "showLog" } }],
    };
  }

  private changed(): void {
    void this.store();
    this.didChange.fire();
  }
}

/** What the model is given: answers that failed without a word are left out, with the question they left unanswered. */
function toPrompt(messages: readonly Message[]): ChatMessage[] {
  return messages
    .filter((message, index) => {
      const answer = message.role === "user" ? messages[index + 1] : message;
      return answer === undefined || answer.role === "user" || answer.text !== "";
    })
    .map((message) => ({
      role: message.role,
      text: message.role === "user" ? withAttachment(message.text, message.attachment) : message.text,
    }));
}

function describe(
  { tokensPerSecond, finishReason, flash }: GenerationResult,
  measured: Plan["measured"],
): string | undefined {
  const slow = slowDisk(measured, flash);
  const parts = [
    ...(tokensPerSecond > 0 ? [`${tokensPerSecond.toFixed(1)} tokens/s`] : []),
    ...(finishReason === "length" ? ["the context is full"] : []),
    ...(slow === undefined ? [] : [slow]),
  ];
  return parts.length > 0 ? parts.join(" · ") : undefined;
}
