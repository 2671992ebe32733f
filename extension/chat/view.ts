import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { Action, Status, ToWebview } from "../../webview/messages.js";
import { chatPage } from "./html.js";
import { parseMessage } from "./messages.js";
import { insertAtCursor, onDidChangeOpenEditor, openEditor } from "./openEditor.js";
import type { ChatSession } from "./session.js";

export const chatViewId = "flint.chat";

export interface ChatViewOptions {
  extensionUri: vscode.Uri;
  session: ChatSession;
  status(): Status;
  onDidChangeStatus: vscode.Event<unknown>;
  /** How much code a question may be about, in characters. */
  longestAttachment(): number;
  /** Carries out what a button says. */
  act(action: Action): void;
  /** The panel was opened: a person is about to ask. */
  onShown(): void;
  log(line: string): void;
}

/** The chat panel: shows the session, and passes on what the person does. Holds nothing that hiding it could lose. */
export class ChatView implements vscode.WebviewViewProvider, vscode.Disposable {
  private view: vscode.WebviewView | undefined;
  /** Whether the page listens. */
  private ready = false;
  private focusWhenReady = false;
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly options: ChatViewOptions) {
    const { session } = options;
    this.subscriptions = [
      vscode.window.registerWebviewViewProvider(chatViewId, this),
      session.onDidChange(() => this.postConversation()),
      session.onDidStream(({ id, text }) => this.post({ type: "text", id, text })),
      options.onDidChangeStatus(() => this.postStatus()),
      onDidChangeOpenEditor(() => this.postOpenEditor()),
    ];
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    this.ready = false;
    const dist = vscode.Uri.joinPath(this.options.extensionUri, "dist");
    const uri = (file: string) => view.webview.asWebviewUri(vscode.Uri.joinPath(dist, file)).toString();
    view.webview.options = { enableScripts: true, localResourceRoots: [dist] };
    view.webview.html = chatPage({
      cspSource: view.webview.cspSource,
      nonce: randomBytes(16).toString("base64url"),
      scriptUri: uri("webview.js"),
      styleUri: uri("webview.css"),
    });
    const subscriptions = [
      view.webview.onDidReceiveMessage((message: unknown) => this.receive(message)),
      view.onDidChangeVisibility(() => {
        // A hidden page is gone; the next one says that it is ready.
        if (view.visible) this.options.onShown();
        else this.ready = false;
      }),
    ];
    view.onDidDispose(() => {
      for (const subscription of subscriptions) subscription.dispose();
      if (this.view === view) this.view = undefined;
    });
    this.options.onShown();
  }

  /** Opens the panel with the cursor in the input. */
  async focus(): Promise<void> {
    this.focusWhenReady = !this.ready;
    await vscode.commands.executeCommand(`${chatViewId}.focus`);
    if (this.ready) this.post({ type: "focusInput" });
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private receive(raw: unknown): void {
    const message = parseMessage(raw);
    if (!message) {
      this.options.log("The chat panel sent a message that is none.");
      return;
    }
    const { session } = this.options;
    switch (message.type) {
      case "ready":
        this.ready = true;
        this.postStatus();
        this.postConversation();
        this.postOpenEditor();
        if (this.focusWhenReady) this.post({ type: "focusInput" });
        this.focusWhenReady = false;
        break;
      case "ask":
        void session.ask(message.text, {
          about: message.attach ? openEditor(this.options.longestAttachment()) : undefined,
          replaces: message.replaces,
        });
        break;
      case "delete":
        session.delete(message.id);
        break;
      case "insert":
        insertAtCursor(message.text).catch((error: Error) => void vscode.window.showErrorMessage(error.message));
        break;
      case "stop":
        session.stop();
        break;
      case "copy":
        void vscode.env.clipboard.writeText(message.text);
        break;
      case "act":
        this.options.act(message.action);
        break;
    }
  }

  private postStatus(): void {
    this.post({ type: "status", status: this.options.status() });
  }

  private postOpenEditor(): void {
    this.post({ type: "openEditor", label: openEditor(this.options.longestAttachment())?.label });
  }

  private postConversation(): void {
    this.post({ type: "conversation", messages: [...this.options.session.messages] });
  }

  private post(message: ToWebview): void {
    if (this.ready) void this.view?.webview.postMessage(message);
  }
}
