import { randomUUID } from "node:crypto";
import * as l10n from "@vscode/l10n";
import { type CancellationToken, CancellationTokenSource, Emitter } from "vscode-jsonrpc";
import type { Plan } from "../../../protocol/messages.js";
import type {
  AssistantMessage,
  Attachment,
  Message,
  Problem,
  Thought,
  UserMessage,
} from "../../../webview/messages.js";
import type { Backend, ThoughtProgress } from "../../backends/backend.js";
import { Cancelled, EngineStopped } from "../../engine/errors.js";
import { fitSent } from "../context/fit.js";
import { chatTemperature, firstSeen, toPrompt } from "../prompt/prompt.js";
import { describe } from "./answerDetail.js";
import { type Conversation, type QueuedQuestion, settled, titleOfConversation } from "./conversation.js";
import type { Kept } from "./conversationFile.js";
import { merge } from "./merge.js";
import { MessageTree, type Versions } from "./tree.js";

/** How often a growing answer is stored, in ms: what a crash of the editor may cost. */
const storeEveryMs = 1000;

export interface SessionOptions {
  backend: Pick<Backend, "chat" | "answerNow" | "countTokens" | "limits">;
  /** Whether a model that can do without is to think before it answers. */
  thinking(): boolean;
  /** What the speed of the disk was when the model was loaded. */
  measured(): Plan["measured"];
  /** An error in words, with what to do about it. */
  toProblem(error: unknown): Problem;
}

/** How an answer ended that nobody stopped. */
export interface AnswerEnd {
  /** Of the conversation. */
  id: string;
  title: string;
  failed: boolean;
  /** Since it was asked, in ms. */
  elapsedMs: number;
}

/**
 * One conversation: questions, streamed answers, and what became of them. Every change is to be stored: `onShouldStore`
 * says when.
 */
export class ChatSession implements Kept {
  private readonly didChange = new Emitter<void>();
  private readonly didStream = new Emitter<{ id: string; text: string }>();
  private readonly didThink = new Emitter<{ id: string } & Thought>();
  private readonly didAnswer = new Emitter<AnswerEnd>();
  private readonly shouldStore = new Emitter<void>();
  private readonly didMerge = new Emitter<void>();
  /** Fires when a message came, went or changed its state. */
  readonly onDidChange = this.didChange.event;
  /** Fires when an answer grew by `text`. */
  readonly onDidStream = this.didStream.event;
  /** Fires when what is thought for an answer grew by `text`. */
  readonly onDidThink = this.didThink.event;
  /** Fires when an answer has ended by itself. */
  readonly onDidAnswer = this.didAnswer.event;
  /** Fires for every change, and once a second while an answer grows. */
  readonly onShouldStore = this.shouldStore.event;
  /** Fires when another window has said something in it beside what was said here. */
  readonly onDidMerge = this.didMerge.event;

  readonly id: string;
  private readonly createdAt: number;
  private updatedAt: number;
  private ownTitle: string | undefined;
  private tree: MessageTree;
  private readonly waiting: QueuedQuestion[];
  /** Puts back what was deleted last. */
  private undo: (() => void) | undefined;
  private answering: CancellationTokenSource | undefined;
  /** What it makes. */
  private underWay: AssistantMessage | undefined;
  /** Settles with the answer under way. */
  private ended: Promise<void> = Promise.resolve();
  private storedAt = 0;
  /** Stores what has come since, so that no more than {@link storeEveryMs} can be lost. */
  private storing: NodeJS.Timeout | undefined;

  constructor(
    conversation: Conversation,
    private readonly options: SessionOptions,
  ) {
    const { id, title, createdAt, updatedAt, tree, queue } = settled(conversation);
    this.id = id;
    this.ownTitle = title;
    this.createdAt = createdAt;
    this.updatedAt = updatedAt;
    this.tree = new MessageTree(tree);
    this.waiting = [...queue];
  }

  /** Of the path on show, oldest first. */
  get messages(): readonly Message[] {
    return this.tree.path;
  }
  /** What is asked when the answer under way has ended, first things first. */
  get queue(): readonly QueuedQuestion[] {
    return this.waiting;
  }
  get isAnswering(): boolean {
    return this.answering !== undefined;
  }
  /** Nothing was said in it, and nothing waits to be. */
  get isEmpty(): boolean {
    return this.tree.size === 0 && this.waiting.length === 0;
  }
  /** Whether what was deleted last can be had back. */
  get canUndo(): boolean {
    return this.undo !== undefined;
  }
  /** That a person gave it, or of the first question; "" while there is none. */
  get title(): string {
    return titleOfConversation({ title: this.ownTitle, tree: this.tree.stored });
  }
  /** All of it as it is now, to be stored. */
  get conversation(): Conversation {
    const { id, createdAt, updatedAt, ownTitle, tree, waiting } = this;
    return { id, title: ownTitle, createdAt, updatedAt, tree: tree.stored, queue: waiting };
  }

  /** Of a message on show. */
  versions(id: string): Versions {
    return this.tree.versions(id);
  }

  /**
   * Asks `text`. While an answer is under way it is queued, and this settles at once; else when its answer has ended, in
   * whichever way. Never rejects.
   * @param attachments what the question is about; none: the same as the question it replaces
   * @param replaces id of the question of which it is another version: then it waits, and is never queued
   */
  async ask(
    text: string,
    { attachments = [], replaces }: { attachments?: Attachment[]; replaces?: string | undefined } = {},
  ): Promise<void> {
    if (this.answering && replaces === undefined) {
      this.waiting.push({ id: randomUUID(), text, attachments });
      this.changed();
      return;
    }
    while (this.answering) await this.ended;
    const replaced = this.messages.find(({ id }) => id === replaces);
    const before = replaced?.role === "user" ? replaced.attachments : [];
    const about = attachments.length > 0 ? attachments : before;
    const question: UserMessage = { id: randomUUID(), role: "user", text, attachments: about };
    if (replaced) this.tree.addVersion(question, replaced.id);
    else this.tree.append(question);
    await this.startAnswer();
  }

  /** Changes the text of a question that waits. */
  changeQueued(id: string, text: string): void {
    const question = this.waiting.find((queued) => queued.id === id);
    if (!question) return;
    question.text = text;
    this.changed();
  }

  /** @returns the question, which waits no more; undefined where it waits no more already */
  removeQueued(id: string): QueuedQuestion | undefined {
    const index = this.waiting.findIndex((queued) => queued.id === id);
    if (index === -1) return undefined;
    const [removed] = this.waiting.splice(index, 1);
    this.changed();
    return removed;
  }

  /** Asks a question that waits now, in place of what is being answered. As `ask`. */
  async sendQueued(id: string): Promise<void> {
    this.stop();
    while (this.answering) await this.ended;
    const question = this.removeQueued(id);
    if (question) await this.ask(question.text, { attachments: question.attachments });
  }

  /** Takes a question and its answers away; not while an answer is under way. */
  delete(id: string): void {
    if (this.answering) return;
    const undo = this.tree.removeQuestion(id);
    if (undo) this.changed(undo);
  }

  /** Puts back what was deleted last. */
  undoDelete(): void {
    if (this.answering) return;
    this.undo?.();
    this.changed();
  }

  /** Shows another version of a question or of an answer; not while an answer is under way. */
  showVersion(id: string): void {
    if (this.answering || !this.tree.has(id)) return;
    this.tree.choose(id);
    this.changed();
  }

  /** Asks the last question again; its answers so far stay as earlier versions. As `ask`. */
  async askAgain(): Promise<void> {
    if (this.answering) return;
    const last = this.messages.at(-1);
    if (!last) return;
    if (last.role === "assistant" && last.text === "" && !last.thought) this.tree.removeLast();
    await this.startAnswer();
  }

  /** Goes on with the last answer where it ended. As `ask`. */
  async continueAnswer(): Promise<void> {
    const last = this.messages.at(-1);
    if (this.answering || last?.role !== "assistant") return;
    this.ended = this.answer(last, this.messages);
    await this.ended;
  }

  /** Ends the answer under way; its text so far stays. What waits goes on waiting. */
  stop(): void {
    this.answering?.cancel();
  }

  /** Ends the thought of the answer under way, if there is one, so that the answer begins. @throws as the backend */
  async answerNow(): Promise<void> {
    if (this.answering) await this.options.backend.answerNow(this.id);
  }

  /** @param title undefined: that of the first question again */
  rename(title: string | undefined): void {
    this.ownTitle = title;
    this.changed();
  }

  /** As {@link Kept}. What is on show here stays so; what was said after it follows, though not while an answer grows. */
  absorb(theirs: Conversation, base: Conversation): boolean {
    const last = this.messages.at(-1);
    const merged = merge(this.conversation, settled(theirs), settled(base), this.underWay?.id);
    const { title, updatedAt, tree, queue } = merged.conversation;
    this.tree = new MessageTree(tree, this.underWay?.id);
    if (last && this.tree.has(last.id)) this.tree.choose(last.id);
    this.waiting.splice(0, this.waiting.length, ...queue);
    this.ownTitle = title;
    this.updatedAt = updatedAt;
    this.undo = undefined;
    if (merged.hasOwn && merged.hasTheirs) this.didMerge.fire();
    this.didChange.fire();
    return merged.hasOwn;
  }

  dispose(): void {
    this.stop();
    clearTimeout(this.storing);
    this.didChange.dispose();
    this.didStream.dispose();
    this.didThink.dispose();
    this.didAnswer.dispose();
    this.shouldStore.dispose();
    this.didMerge.dispose();
  }

  /** Answers the last message of the path, in the place of the answer that it may be. */
  private startAnswer(): Promise<void> {
    const answer: AssistantMessage = { id: randomUUID(), role: "assistant", text: "", state: "streaming" };
    const last = this.messages.at(-1);
    const asked = last?.role === "assistant" ? this.messages.slice(0, -1) : [...this.messages];
    if (last?.role === "assistant") this.tree.addVersion(answer, last.id);
    else this.tree.append(answer);
    this.ended = this.answer(answer, asked);
    return this.ended;
  }

  /** @param asked what the model is given; where it ends with `answer`, that is continued */
  private async answer(answer: AssistantMessage, asked: readonly Message[]): Promise<void> {
    const cancellation = new CancellationTokenSource();
    const { token } = cancellation;
    const before = answer.text;
    const startedAt = Date.now();
    answer.state = "streaming";
    answer.problem = undefined;
    answer.detail = undefined;
    answer.finishReason = undefined;
    this.answering = cancellation;
    this.underWay = answer;
    this.updatedAt = Date.now();
    this.changed();
    const grown = () => {
      this.storing ??= setTimeout(() => this.store(), Math.max(0, this.storedAt + storeEveryMs - Date.now()));
    };
    const onText = (text: string) => {
      answer.text += text;
      this.didStream.fire({ id: answer.id, text });
      grown();
    };
    // An answer that is continued has one already, and thinks no second time as a rule.
    const thoughtBefore = answer.thought?.text ?? "";
    const onThought = ({ text, tokens, durationMs }: ThoughtProgress) => {
      answer.thought = { text: (answer.thought?.text ?? "") + text, tokens, durationMs };
      this.didThink.fire({ id: answer.id, text, tokens, durationMs });
      grown();
    };
    const onWaiting = (waits: boolean) => {
      answer.detail = waits ? l10n.t("Waiting for another answer to finish") : undefined;
      this.changed();
    };
    try {
      for (const message of asked) {
        if (message.role === "user") await this.fitAttachments(message, token);
      }
      const thinking = this.options.thinking();
      const request = { sessionId: this.id, messages: toPrompt(asked), temperature: chatTemperature, thinking };
      const result = await this.options.backend.chat(request, { onText, onThought, onWaiting }, token);
      answer.state = result.finishReason === "cancelled" ? "stopped" : "done";
      if (result.finishReason === "length") answer.finishReason = "length";
      // The result has the whole text, also when a progress report was lost.
      if (result.text) answer.text = before + result.text;
      if (result.thought) {
        const { text, tokens, durationMs } = result.thought;
        answer.thought = { text: thoughtBefore + text, tokens, durationMs };
      }
      answer.seenFrom = firstSeen(asked, result.omittedMessages ?? []);
      answer.detail = describe(result, this.options.measured());
    } catch (error) {
      answer.detail = undefined;
      if (error instanceof Cancelled || token.isCancellationRequested) {
        answer.state = "stopped";
      } else {
        answer.state = "error";
        answer.problem = this.problem(error, answer);
      }
    } finally {
      cancellation.dispose();
      if (this.answering === cancellation) this.answering = this.underWay = undefined;
      this.tree.showAll();
      this.updatedAt = Date.now();
      this.changed();
    }
    const { id, title } = this;
    const elapsedMs = Date.now() - startedAt;
    if (answer.state !== "stopped") this.didAnswer.fire({ id, title, failed: answer.state === "error", elapsedMs });
    if (answer.state === "done") void this.askNext();
  }

  /** After an answer that was stopped or failed, a person says what is asked next. */
  private async askNext(): Promise<void> {
    const next = this.waiting.shift();
    if (next) await this.ask(next.text, { attachments: next.attachments });
  }

  /** Cuts what was attached to a question to half of the context: the answer wants room as well. */
  private async fitAttachments(question: UserMessage, token: CancellationToken): Promise<void> {
    const { backend } = this.options;
    if (question.attachments.every(({ tokens }) => tokens !== undefined)) return;
    const { contextTokens } = await backend.limits(token);
    const half = Math.floor(contextTokens / 2);
    question.attachments = await fitSent(question.attachments, half, (text) => backend.countTokens(text, token));
    this.changed();
  }

  /** A crash is told at once, and told again when it is known whether the engine is back. */
  private problem(error: unknown, answer: AssistantMessage): Problem {
    if (!(error instanceof EngineStopped && error.restarted)) return this.options.toProblem(error);
    void error.restarted.then((restarted) => {
      if (!this.tree.has(answer.id) || answer.problem === undefined) return;
      answer.problem = {
        message: restarted
          ? l10n.t("{0} It was restarted. Ask again?", error.message)
          : l10n.t("{0} It could not be restarted.", error.message),
        actions: restarted
          ? [{ label: l10n.t("Ask again"), action: { kind: "askAgain" } }]
          : [{ label: l10n.t("Restart engine"), action: { kind: "restartEngine" } }],
      };
      this.changed();
    });
    return {
      message: l10n.t("{0} It is being restarted.", error.message),
      actions: [{ label: l10n.t("Show log"), action: { kind: "showLog" } }],
    };
  }

  /** @param undo takes the change back, until the next one */
  private changed(undo?: () => void): void {
    this.undo = undo;
    this.store();
    this.didChange.fire();
  }

  private store(): void {
    clearTimeout(this.storing);
    this.storing = undefined;
    this.storedAt = Date.now();
    this.shouldStore.fire();
  }
}
