import { randomUUID } from "node:crypto";
import { type CancellationToken, CancellationTokenSource, Emitter } from "vscode-jsonrpc";
import type { Attachment, Chip, ContextMeter, Message } from "../../../webview/messages.js";
import type { Backend } from "../../backends/backend.js";
import { Cancelled } from "../../engine/errors.js";
import { toPrompt } from "../prompt/prompt.js";
import { type FittedContext, fitContext, withOmitted } from "./fit.js";
import { measurePrompt } from "./meter.js";
import { type ContextContent, type ContextSource, NothingToAttach } from "./source.js";

/** How long the question must rest before its tokens are counted, in ms. */
const countAfterMs = 150;

/** Something that is attached, and what it was when it was read last. */
export interface AttachedContext {
  source: ContextSource;
  content: ContextContent;
}

interface Item extends AttachedContext {
  id: string;
}

export interface PendingContextOptions {
  backend: Pick<Backend, "capabilities" | "countTokens" | "countPromptTokens" | "limits">;
  /** What was said before the question. */
  conversation(): readonly Message[];
  /**
   * How long a prompt of so many tokens lets a person wait, where that is worth a word.
   * @param mostKept so many of them at most are the same as in the prompt before
   */
  wait(promptTokens: number, mostKept: number): string | undefined;
  log(line: string): void;
}

/**
 * What is attached to the question that is being written, and how many tokens that has for the model. While no model is
 * loaded nothing is counted: typing is no reason to load one.
 */
export class PendingContext {
  private readonly didChange = new Emitter<void>();
  /** Fires when `chips` or `meter` have changed. */
  readonly onDidChange = this.didChange.event;
  private readonly didAttach = new Emitter<void>();
  /** Fires when `attached` has changed. */
  readonly onDidAttach = this.didAttach.event;

  private items: Item[] = [];
  private draft = "";
  /** Id of the question of which it is to be another version. */
  private replaces: string | undefined;
  /** Of `items`, in their order; absent until they are counted. */
  private counted: FittedContext[] | undefined;
  private currentMeter: ContextMeter | undefined;
  private timer: NodeJS.Timeout | undefined;
  private counting: CancellationTokenSource | undefined;

  constructor(private readonly options: PendingContextOptions) {}

  get chips(): Chip[] {
    return this.items.map(({ id, source: { key, label, icon }, content }, index) => {
      const fitted = this.counted?.[index];
      return { id, key, label, icon, tokens: fitted?.tokens, omitted: (fitted ?? content).omitted };
    });
  }

  get attached(): readonly AttachedContext[] {
    return this.items;
  }

  /** Of the question as it is now; undefined while it is not known. */
  get meter(): ContextMeter | undefined {
    return this.currentMeter;
  }

  has(key: string): boolean {
    return this.items.some(({ source }) => source.key === key);
  }

  /** Attaches `source`, or brings it up to date where it is attached. @throws NothingToAttach */
  async add(source: ContextSource): Promise<void> {
    const content = await source.read();
    const before = this.items.find((item) => item.source.key === source.key);
    if (before) before.content = content;
    else this.items.push({ id: randomUUID(), source, content });
    this.itemsChanged();
  }

  /** Attaches what was attached before a restart. */
  restore(attached: readonly AttachedContext[]): void {
    this.items = attached.map((context) => ({ id: randomUUID(), ...context }));
    this.itemsChanged();
  }

  /** @param of an id, or the key of a source */
  remove(of: string): void {
    this.items = this.items.filter(({ id, source: { key } }) => id !== of && key !== of);
    this.itemsChanged();
  }

  clear(): void {
    if (this.items.length === 0) return;
    this.items = [];
    this.itemsChanged();
  }

  /** What the question says so far. @param replaces id of the question of which it is to be another version */
  setDraft(text: string, replaces?: string): void {
    this.draft = text;
    this.replaces = replaces;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.recount(), countAfterMs);
  }

  /** Reads what shows this document again. */
  async documentChanged(uri: string): Promise<void> {
    for (const item of this.items.filter(({ source }) => source.uri === uri)) {
      try {
        item.content = await item.source.read();
      } catch (error) {
        if (!(error instanceof NothingToAttach)) throw error;
        this.items = this.items.filter((other) => other !== item);
      }
      this.itemsChanged();
    }
  }

  /** Takes what is attached away, to be sent. What was not counted yet is counted when it is asked. */
  take(): Attachment[] {
    const attachments = this.counted
      ? this.counted.flatMap((fitted) => fitted.attachments)
      : this.items.flatMap(({ content }) => withOmitted(content));
    this.draft = "";
    this.replaces = undefined;
    this.items = [];
    this.itemsChanged();
    return attachments;
  }

  /**
   * What of some contents would go into a question. Loads the model.
   * @throws as the backend
   */
  async fitted(contents: readonly ContextContent[], token: CancellationToken): Promise<FittedContext[]> {
    const { contextTokens } = await this.options.backend.limits(token);
    return this.fit(contents, contextTokens, token);
  }

  /** To be called when another model is loaded, which counts otherwise. */
  modelChanged(): void {
    this.counted = undefined;
    this.recount();
  }

  /** Counts the prompt anew. To be called also when the conversation has changed. */
  recount(): void {
    clearTimeout(this.timer);
    this.counting?.cancel();
    const counting = new CancellationTokenSource();
    this.counting = counting;
    this.count(counting.token)
      .catch((error: unknown) => {
        if (counting.token.isCancellationRequested || error instanceof Cancelled) return;
        this.options.log(`The tokens of the question could not be counted: ${String(error)}`);
      })
      .finally(() => counting.dispose());
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.counting?.cancel();
    this.didChange.dispose();
    this.didAttach.dispose();
  }

  private itemsChanged(): void {
    this.counted = undefined;
    this.didAttach.fire();
    this.didChange.fire();
    this.recount();
  }

  private async count(token: CancellationToken): Promise<void> {
    const { backend } = this.options;
    if (!backend.capabilities) {
      if (this.currentMeter) {
        this.currentMeter = undefined;
        this.didChange.fire();
      }
      return;
    }
    const { contextTokens } = await backend.limits(token);
    const contents = this.items.map(({ content }) => content);
    const counted = this.counted ?? (await this.fit(contents, contextTokens, token));
    if (token.isCancellationRequested) return;
    const own = counted.flatMap((one) => one.attachments);
    const conversation = this.options.conversation();
    const place = conversation.findIndex(({ id }) => id === this.replaces);
    const replaced = conversation[place];
    // As the session has it: without an attachment of its own it has those of the question before.
    const attachments = own.length === 0 && replaced?.role === "user" ? replaced.attachments : own;
    const question = { id: "", role: "user" as const, text: this.draft, attachments };
    const before = replaced ? conversation.slice(0, place) : conversation;
    const meter = await measurePrompt(before, question, contextTokens, (messages) =>
      backend.countPromptTokens(messages, token),
    );
    if (token.isCancellationRequested) return;
    this.counted = counted;
    const isEmpty = this.draft.trim() === "" && this.items.length === 0;
    const mostKept = replaced
      ? (await backend.countPromptTokens(toPrompt(before), token)).tokens
      : Number.POSITIVE_INFINITY;
    if (token.isCancellationRequested) return;
    // Where more is left out than before, what follows it is read again.
    const isCut = meter.seenFrom !== conversation.findLast((message) => message.role === "assistant")?.seenFrom;
    const wait = this.options.wait(meter.promptTokens, isCut ? 0 : mostKept);
    this.currentMeter = { ...meter, wait: isEmpty ? undefined : wait };
    this.didChange.fire();
  }

  /** Half of the context is for attachments: conversation and answer want room as well. */
  private fit(
    contents: readonly ContextContent[],
    contextTokens: number,
    token: CancellationToken,
  ): Promise<FittedContext[]> {
    const count = (text: string) => this.options.backend.countTokens(text, token);
    return fitContext(contents, Math.floor(contextTokens / 2), count);
  }
}
