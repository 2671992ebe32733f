import * as vscode from "vscode";
import { CancellationToken } from "vscode-jsonrpc";
import type { Action, Draft, FromWebview, Message, Status, ToWebview } from "../../../webview/messages.js";
import { updateSetting } from "../../config/write.js";
import type { PendingContext } from "../context/pending.js";
import type { ContextSource } from "../context/source.js";
import { isInstructions } from "../context/sources/instructions.js";
import { applyToFile } from "../edits/applyToFile.js";
import { insertAtCursor } from "../edits/insertAtCursor.js";
import { newFile } from "../edits/newFile.js";
import type { Proposals } from "../edits/proposals.js";
import { runInTerminal } from "../edits/runInTerminal.js";
import type { Conversations } from "../sessions/conversations.js";
import type { TemplateStore } from "../templates/templateStore.js";
import { Attachments } from "./attachments.js";
import { ChatPage } from "./page.js";

const chatViewId = "flint.chat";
const chatEditorId = "flint.chatEditor";

export interface ChatViewOptions {
  extensionUri: vscode.Uri;
  conversations: Conversations;
  /** What is attached to the question that is being written. */
  pending: PendingContext;
  templates: TemplateStore;
  /** Changes to files that are suggested. */
  proposals: Proposals;
  status(): Status;
  onDidChangeStatus: vscode.Event<unknown>;
  /** Does what a button says. */
  act(action: Action): Promise<void>;
  /** The panel was opened: a person is about to ask. */
  onShown(): void;
  log(line: string): void;
}

/**
 * The chat panel: shows the session, and passes on what the person does. It is in its view, which a person may move, and in tabs
 * of the editor. Holds nothing that hiding it could lose.
 */
export class ChatView implements vscode.WebviewViewProvider, vscode.WebviewPanelSerializer, vscode.Disposable {
  /** That of the view. */
  private view: ChatPage | undefined;
  private editor: { panel: vscode.WebviewPanel; page: ChatPage } | undefined;
  /** The view was asked for, and is not there yet. */
  private focusView = false;
  /** Settles when the last choice to think or not is in the settings. */
  private thinkingSet: Promise<void> = Promise.resolve();
  /** What is attached to the question that is being written. */
  readonly attachments: Attachments;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly options: ChatViewOptions) {
    const { conversations, pending, templates } = options;
    this.attachments = new Attachments(
      pending,
      () => templates.templates,
      () => ({ id: conversations.current.id, isEmpty: conversations.current.isEmpty }),
      (message) => this.post(message),
      options.log,
    );
    this.subscriptions = [
      this.attachments,
      vscode.window.registerWebviewViewProvider(chatViewId, this),
      vscode.window.registerWebviewPanelSerializer(chatEditorId, this),
      conversations.onDidChange(() => {
        this.postConversation();
        const { isAnswering, isEmpty } = conversations.current;
        this.setContext("flint.answering", isAnswering);
        this.setContext("flint.hasChat", !isEmpty);
        pending.recount();
        this.log(this.attachments.conversationChanged());
        // For the walkthrough: it stays true from then on.
        if (isAnswering) this.setContext("flint.hasAsked", true);
      }),
      conversations.onDidShow(() => this.postDraft()),
      conversations.onDidStream(({ id, text }) => this.post({ type: "text", id, text })),
      conversations.onDidThink((more) => this.post({ type: "thought", ...more })),
      options.onDidChangeStatus(() => this.postStatus()),
      templates.onDidChange(() => this.postCommands()),
    ];
    this.setContext("flint.hasChat", !conversations.current.isEmpty);
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = this.page(view);
    if (this.focusView) this.view.focusInput();
    this.focusView = false;
  }

  /** A tab of the editor that was open when the window was closed. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.show(panel);
  }

  /** Opens the panel with the cursor in the input: the tab of the editor where there is one, else the view. */
  async focus(): Promise<void> {
    if (this.editor) {
      this.editor.panel.reveal();
      this.editor.page.focusInput();
      return;
    }
    this.focusView = this.view === undefined;
    await vscode.commands.executeCommand(`${chatViewId}.focus`);
    this.view?.focusInput();
  }

  /** Opens the chat in a tab of the editor. */
  openInEditor(): void {
    if (!this.editor) {
      const column = { viewColumn: vscode.ViewColumn.Beside };
      this.show(vscode.window.createWebviewPanel(chatEditorId, vscode.l10n.t("Flint Chat"), column));
    }
    this.editor?.panel.reveal();
    this.editor?.page.focusInput();
  }

  /**
   * Opens the panel and asks about some things at once. Where they do not fit whole they are attached, and the question is
   * put into the input, for the person to decide.
   */
  async askAbout(text: string, sources: readonly ContextSource[]): Promise<void> {
    const { conversations, pending } = this.options;
    const focused = this.focus();
    const about = [...this.attachments.takeInstructions(), ...sources];
    const contents = await this.attachments.read(about);
    if (!contents) return;
    const fitted = await pending.fitted(contents, CancellationToken.None).catch((error: unknown) => {
      // The question fails of the same, and says so in the conversation.
      this.options.log(String(error));
      return contents.map((content) => ({ ...content, omitted: undefined }));
    });
    if (fitted.every(({ omitted }) => omitted === undefined)) {
      await conversations.current.ask(text, { attachments: fitted.flatMap(({ attachments }) => attachments) });
      return;
    }
    for (const source of about) await this.attachments.attach(source);
    await focused;
    this.post({ type: "propose", text });
  }

  dispose(): void {
    // A tab of the editor stays: the next window finds it there.
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private show(panel: vscode.WebviewPanel): void {
    // As a picture, not as a mask: it takes no colour of the theme.
    const icon = (name: string) => vscode.Uri.joinPath(this.options.extensionUri, "extension/media", name);
    panel.iconPath = { light: icon("flint.svg"), dark: icon("flint-dark.svg") };
    this.editor?.panel.dispose();
    this.editor = { panel, page: this.page(panel) };
  }

  private page(place: vscode.WebviewView | vscode.WebviewPanel): ChatPage {
    const { extensionUri, log, onShown } = this.options;
    return new ChatPage(place, {
      ...{ extensionUri, log, onShown },
      onMessage: (message, page) => this.receive(message, page),
      onDisposed: (page) => {
        if (this.view === page) this.view = undefined;
        if (this.editor?.page === page) this.editor = undefined;
      },
    });
  }

  private receive(message: FromWebview, page: ChatPage): void {
    // The page may still show a conversation that was left meanwhile.
    const { conversations } = this.options;
    if ("sessionId" in message && message.type !== "ask" && message.type !== "draft") {
      if (message.sessionId !== conversations.current.id) return;
    }
    const session = conversations.current;
    switch (message.type) {
      case "ready":
        this.postStatus();
        this.postConversation();
        this.postDraft();
        this.postCommands();
        this.attachments.postAll();
        break;
      case "ask":
        this.log(this.ask(message));
        break;
      case "delete":
        session.delete(message.id);
        break;
      case "undoDelete":
        session.undoDelete();
        break;
      case "showVersion":
        session.showVersion(message.id);
        break;
      case "continue":
        void session.continueAnswer();
        break;
      case "changeQueued":
        session.changeQueued(message.id, message.text);
        break;
      case "removeQueued":
        session.removeQueued(message.id);
        break;
      case "sendQueued":
        void session.sendQueued(message.id);
        break;
      case "draft":
        conversations.setDraft(message.sessionId, message.draft);
        this.countDraft(message.draft, message.question);
        for (const other of this.pages) if (other !== page) other.post({ type: "draft", draft: conversations.draft });
        break;
      case "insert":
        this.tell(insertAtCursor(message.text));
        break;
      case "runInTerminal":
        this.tell(runInTerminal(message.text));
        break;
      case "newFile":
        this.tell(newFile(message.text, message.language, message.path));
        break;
      case "apply":
        this.tell(applyToFile(this.options.proposals, message, attachedPaths(session.messages)));
        break;
      case "stop":
        session.stop();
        break;
      case "answerNow":
        this.tell(session.answerNow());
        break;
      case "setThinking":
        this.thinkingSet = updateSetting("thinking", message.thinking);
        this.tell(this.thinkingSet);
        break;
      case "copy":
        void vscode.env.clipboard.writeText(message.text);
        break;
      case "act":
        this.log(this.options.act(message.action));
        break;
      default:
        this.log(this.attachments.receive(message));
    }
  }

  /** Also where the page still shows a conversation that was left meanwhile: what a person wrote is not lost. */
  private async ask({ text, replaces }: FromWebview & { type: "ask" }): Promise<void> {
    const attachments = await this.attachments.take();
    // What was chosen just before counts. If it could not be written, that was told already.
    await Promise.allSettled([this.thinkingSet]);
    await this.options.conversations.current.ask(text, { attachments, replaces });
  }

  private postCommands(): void {
    this.post({
      type: "commands",
      commands: this.options.templates.templates.map(({ name, description, text }) => ({ name, description, text })),
    });
  }

  private postStatus(): void {
    this.post({ type: "status", status: this.options.status() });
  }

  private postConversation(): void {
    const { current, problem } = this.options.conversations;
    const { id, messages, queue, canUndo, title } = current;
    for (const page of this.pages) page.describe(title);
    this.post({
      type: "conversation",
      sessionId: id,
      messages: messages.map((message) => {
        const versions = current.versions(message.id);
        return versions.ids.length > 1 ? { ...message, versions } : message;
      }),
      queue: queue.map(({ id, text, attachments }) => ({ id, text, labels: attachments.map(({ label }) => label) })),
      canUndo,
      notice: problem,
    });
  }

  private postDraft(): void {
    const { draft } = this.options.conversations;
    this.countDraft(draft);
    this.post({ type: "draft", draft });
  }

  private countDraft({ text, editing }: Draft, question = editing?.text ?? text): void {
    this.options.pending.setDraft(question, editing?.id);
  }

  private setContext(key: string, value: boolean): void {
    this.log(vscode.commands.executeCommand("setContext", key, value));
  }

  /** Lets what a person has asked for go on by itself, and tells them what goes wrong with it. */
  private tell(work: Promise<void>): void {
    work.catch((error: Error) => void vscode.window.showErrorMessage(error.message));
  }

  /** Lets `work` go on by itself; what goes wrong with it is in the log. */
  private log(work: PromiseLike<unknown>): void {
    work.then(undefined, (error: unknown) => this.options.log(String(error)));
  }

  private get pages(): ChatPage[] {
    return [this.view, this.editor?.page].filter((page) => page !== undefined);
  }

  private post(message: ToWebview): void {
    for (const page of this.pages) page.post(message);
  }
}

/** Paths of what questions are about, the newest first: code that names no file may be for them. */
function attachedPaths(messages: readonly Message[]): string[] {
  const questions = messages.filter((message) => message.role === "user").reverse();
  return questions.flatMap(({ attachments }) =>
    attachments.flatMap(({ path }) => (path === undefined || isInstructions(path) ? [] : [path])),
  );
}
