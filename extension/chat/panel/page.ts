import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { FromWebview, ToWebview } from "../../../webview/messages.js";
import { chatPage } from "./html.js";
import { parseMessage } from "./messages.js";

/** Where a page is: in a view of a side bar or the panel, or in a tab of the editor. */
type Place = vscode.WebviewView | vscode.WebviewPanel;

export interface ChatPageOptions {
  extensionUri: vscode.Uri;
  /** Called with each valid message. */
  onMessage(message: FromWebview, page: ChatPage): void;
  /** It came into sight. */
  onShown(): void;
  onDisposed(page: ChatPage): void;
  log(line: string): void;
}

/** One page that shows the conversation. Holds nothing that hiding it could lose. */
export class ChatPage {
  private isReady = false;
  private focusWhenReady = false;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly place: Place,
    private readonly options: ChatPageOptions,
  ) {
    const { webview } = place;
    const dist = vscode.Uri.joinPath(options.extensionUri, "dist");
    const uri = (file: string) => webview.asWebviewUri(vscode.Uri.joinPath(dist, file)).toString();
    webview.options = { enableScripts: true, localResourceRoots: [dist] };
    webview.html = chatPage({
      cspSource: webview.cspSource,
      nonce: randomBytes(16).toString("base64url"),
      scriptUri: uri("webview.js"),
      styleUri: uri("webview.css"),
      language: vscode.env.language,
      translations: vscode.l10n.bundle ?? {},
    });
    this.subscriptions = [
      webview.onDidReceiveMessage((message: unknown) => this.receive(message)),
      "onDidChangeVisibility" in place
        ? place.onDidChangeVisibility(() => this.visibilityChanged())
        : place.onDidChangeViewState(() => this.visibilityChanged()),
      place.onDidDispose(() => this.dispose()),
    ];
    options.onShown();
  }

  /** Whether it is one that a person sees. */
  get isVisible(): boolean {
    return this.place.visible;
  }

  /** Sends a message, unless nobody listens: the page asks for all when it does. */
  post(message: ToWebview): void {
    if (this.isReady) void this.place.webview.postMessage(message);
  }

  /** Says beside the name of the view which conversation it shows; a tab keeps its name. */
  describe(title: string): void {
    if ("description" in this.place) this.place.description = title;
  }

  /** Puts the cursor into the input, at once or when the page is ready. */
  focusInput(): void {
    this.focusWhenReady = !this.isReady;
    this.post({ type: "focusInput" });
  }

  private dispose(): void {
    this.isReady = false;
    for (const subscription of this.subscriptions) subscription.dispose();
    this.options.onDisposed(this);
  }

  private visibilityChanged(): void {
    // A hidden page is gone; the next one says that it is ready.
    if (this.isVisible) this.options.onShown();
    else this.isReady = false;
  }

  private receive(raw: unknown): void {
    const message = parseMessage(raw);
    if (!message) {
      this.options.log("The chat panel sent a message that is not valid.");
      return;
    }
    if (message.type === "ready") this.isReady = true;
    this.options.onMessage(message, this);
    if (message.type !== "ready" || !this.focusWhenReady) return;
    this.focusWhenReady = false;
    this.post({ type: "focusInput" });
  }
}
