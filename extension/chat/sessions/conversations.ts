import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Emitter } from "vscode-jsonrpc";
import type { Draft, Problem, Thought } from "../../../webview/messages.js";
import { type Conversation, type ConversationSummary, newConversation } from "./conversation.js";
import type { ConversationFile } from "./conversationFile.js";
import { ConversationFolder } from "./conversationFolder.js";
import { PanelState } from "./panelState.js";
import { type AnswerEnd, ChatSession, type SessionOptions } from "./session.js";
import { StoredSession } from "./storing.js";
import type { WindowFiles } from "./windowPlace.js";

export interface ConversationsOptions extends SessionOptions {
  /** Where all is stored. */
  storage: string;
  /** Where this window keeps what is on show, and drafts. */
  window: WindowFiles;
  log(line: string): void;
  /** Told of each conversation that can't be read, by the path where its file is kept. */
  onDamaged(keptAt: string): void;
  /** Told of each conversation that is deleted. */
  onDeleted(id: string): void;
  /** Told once of each conversation in which another window has said something as well. */
  onMerged(title: string): void;
}

interface Opened {
  conversation: Conversation;
  file: ConversationFile;
}

/** All conversations: one is on show; others whose answer is under way go on. */
export class Conversations {
  private readonly didChange = new Emitter<void>();
  private readonly didShow = new Emitter<void>();
  private readonly didStream = new Emitter<{ id: string; text: string }>();
  private readonly didThink = new Emitter<{ id: string } & Thought>();
  private readonly didAnswer = new Emitter<AnswerEnd>();
  /** Fires when the one on show has changed, or another one is on show. */
  readonly onDidChange = this.didChange.event;
  /** Fires when another one is on show. */
  readonly onDidShow = this.didShow.event;
  /** Fires when an answer of the one on show grew by `text`. */
  readonly onDidStream = this.didStream.event;
  /** Fires when what is thought for an answer of the one on show grew by `text`. */
  readonly onDidThink = this.didThink.event;
  /** Fires when an answer has ended by itself, also one of a conversation that is not on show. */
  readonly onDidAnswer = this.didAnswer.event;

  private readonly live = new Map<string, StoredSession>();
  private shown: StoredSession;

  private constructor(
    private readonly options: ConversationsOptions,
    private readonly folder: ConversationFolder,
    private readonly state: PanelState,
    opened: Opened | undefined,
  ) {
    const id = state.current;
    this.shown = opened ? this.enlivenOpened(opened) : this.create(id);
    state.current = this.shown.session.id;
  }

  /** Takes over what earlier versions stored, and shows what was shown last. Never rejects. */
  static async open(options: ConversationsOptions): Promise<Conversations> {
    const { storage, window, log } = options;
    const folder = new ConversationFolder(join(storage, "conversations"), (keptAt, reason) => {
      log(`${keptAt}: ${reason}`);
      options.onDamaged(keptAt);
    });
    const state = await PanelState.open(window.file("panel"), log);
    try {
      const takenOver = await folder.takeOver(join(storage, "chat.json"));
      if (takenOver !== undefined) state.current = takenOver;
      // A second window begins with a conversation of its own.
      if (state.current !== undefined && (await window.isShownElsewhere(state.current))) state.current = randomUUID();
      const id = state.current;
      const opened = id === undefined ? undefined : await folder.open(id);
      // What a later version of Flint has written is not written over.
      if (!opened && id !== undefined && (await folder.has(id))) state.current = randomUUID();
      return new Conversations(options, folder, state, opened);
    } catch (error) {
      log(`Conversations could not be read: ${String(error)}`);
      return new Conversations(options, folder, state, undefined);
    }
  }

  /** The session on show. */
  get current(): ChatSession {
    return this.shown.session;
  }
  /** Why it is not stored, and what to do. */
  get problem(): Problem | undefined {
    return this.shown.problem;
  }
  /** What was typed for it and not sent. */
  get draft(): Draft {
    return this.state.draft(this.current.id);
  }

  setDraft(id: string, draft: Draft): void {
    this.state.setDraft(id, draft);
  }

  /** All in which something was said, the newest first. @throws the system's error */
  async list(): Promise<ConversationSummary[]> {
    await this.store();
    return this.folder.list();
  }

  /** As {@link ConversationFolder.search}. */
  search(text: string, signal: AbortSignal): Promise<Set<string>> {
    return this.folder.search(text, signal);
  }

  /** Shows an empty conversation; of the one before the answer under way ends, so that the next need not wait for it. */
  startNew(): void {
    if (this.current.isEmpty) return;
    this.current.stop();
    this.show(this.create(undefined));
  }

  /** Shows a stored conversation. @returns whether there is one that can be read. @throws the system's error */
  async open(id: string): Promise<boolean> {
    const live = this.live.get(id);
    if (live) {
      this.show(live);
      await live.refresh();
      return true;
    }
    const opened = await this.folder.open(id);
    if (!opened) return false;
    // It may have been opened meanwhile.
    this.show(this.live.get(id) ?? this.enlivenOpened(opened));
    return true;
  }

  /** @param title "" for that of the first question. @throws the system's error */
  async rename(id: string, title: string): Promise<void> {
    const own = title.trim() === "" ? undefined : title.trim();
    const live = this.live.get(id);
    if (live) {
      live.session.rename(own);
      return live.store();
    }
    await this.folder.rename(id, own);
  }

  /**
   * Deletes a conversation; where it is on show, an empty one takes its place.
   * @returns puts it back
   * @throws the system's error
   */
  async delete(id: string): Promise<() => Promise<void>> {
    const wasShown = this.current.id === id;
    const live = this.live.get(id);
    if (wasShown) this.show(this.create(undefined));
    this.live.delete(id);
    this.setDraft(id, { text: "" });
    if (live) await live.delete();
    const conversation = live ? live.session.conversation : await this.folder.remove(id);
    this.options.onDeleted(id);
    return async () => {
      if (!conversation) return;
      await this.folder.put(conversation);
      if (wasShown && this.current.isEmpty) await this.open(id);
    };
  }

  /** Takes in what other windows have written. Never rejects. */
  async refresh(): Promise<void> {
    await Promise.all([...this.live.values()].map((stored) => stored.refresh()));
  }

  /** All of a conversation. @returns undefined where there is none. @throws the system's error */
  async read(id: string): Promise<Conversation | undefined> {
    return this.live.get(id)?.session.conversation ?? (await this.folder.read(id));
  }

  /** Stores all as it is by now. Never rejects. */
  async store(): Promise<void> {
    const sessions = [...this.live.values()].filter(({ session }) => !session.isEmpty);
    await Promise.all([...sessions.map((stored) => stored.store()), this.state.store()]);
  }

  dispose(): void {
    for (const stored of this.live.values()) stored.dispose();
    for (const emitter of [this.didChange, this.didShow, this.didStream, this.didThink, this.didAnswer])
      emitter.dispose();
  }

  private create(id: string = randomUUID()): StoredSession {
    return this.enliven(new ChatSession(newConversation(id), this.options), this.folder.create(id));
  }

  private enlivenOpened({ conversation, file }: Opened): StoredSession {
    const session = new ChatSession(conversation, this.options);
    file.holds(session);
    return this.enliven(session, file);
  }

  private enliven(session: ChatSession, file: ConversationFile): StoredSession {
    const stored = new StoredSession(session, file, this.options.log);
    this.live.set(session.id, stored);
    let isTold = false;
    session.onDidMerge(() => {
      if (!isTold) this.options.onMerged(session.title);
      isTold = true;
    });
    session.onDidChange(() => {
      if (this.shown === stored) this.didChange.fire();
      else this.retire(stored);
    });
    stored.onDidChangeProblem(() => {
      if (this.shown === stored) this.didChange.fire();
    });
    session.onDidAnswer((end) => this.didAnswer.fire(end));
    session.onDidStream((event) => {
      if (this.shown === stored) this.didStream.fire(event);
    });
    session.onDidThink((event) => {
      if (this.shown === stored) this.didThink.fire(event);
    });
    return stored;
  }

  private show(stored: StoredSession): void {
    const before = this.shown;
    if (stored === before) return;
    this.shown = stored;
    this.state.current = stored.session.id;
    this.retire(before);
    this.didChange.fire();
    this.didShow.fire();
  }

  /** Lets a session go that nobody sees, once nothing is under way in it. */
  private retire(stored: StoredSession): void {
    void (async () => {
      if (!stored.session.isEmpty) await stored.store();
      const isNeeded = stored === this.shown || stored.session.isAnswering || stored.problem !== undefined;
      if (isNeeded || this.live.get(stored.session.id) !== stored) return;
      this.live.delete(stored.session.id);
      stored.dispose();
    })();
  }
}
