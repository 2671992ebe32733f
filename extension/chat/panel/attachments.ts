import * as vscode from "vscode";
import type { Attachment, FromWebview, ToWebview } from "../../../webview/messages.js";
import type { PendingContext } from "../context/pending.js";
import { pickContext } from "../context/picker.js";
import { type ContextContent, type ContextSource, NothingToAttach } from "../context/source.js";
import { fileOrFolder } from "../context/sources/files.js";
import { projectInstructions } from "../context/sources/instructions.js";
import { openEditor } from "../context/sources/openEditor.js";
import { sourcesFor } from "../context/sourcesFor.js";
import { onDidChangeMeantEditor } from "../meantEditor.js";
import type { PromptTemplate } from "../templates/templates.js";

/** What the panel says about attachments. */
export type AttachmentMessage = Extract<
  FromWebview,
  { type: "pickContext" | "attachOpenEditor" | "attachFiles" | "detach" | "command" }
>;

/** How many files may be dropped at once. */
const mostDropped = 50;

/** On a remote machine the page has addresses of it, and this process has files. */
function ownUri(text: string): vscode.Uri {
  const uri = vscode.Uri.parse(text, true);
  const folders = vscode.workspace.workspaceFolders ?? [];
  const isHere = uri.scheme === "vscode-remote" && !folders.some(({ uri: { scheme } }) => scheme === uri.scheme);
  return isHere ? vscode.Uri.file(uri.path) : uri;
}

/** What is attached to the question that is being written, as the panel shows and changes it. */
export class Attachments implements vscode.Disposable {
  private readonly subscriptions: vscode.Disposable[];
  /** Of the conversation that the project's instructions were offered for. */
  private offeredTo: string | undefined;
  private instructions: readonly ContextSource[] = [];
  /** Settles when all that was asked for so far is attached. */
  private attaching: Promise<unknown> = Promise.resolve();

  /**
   * @param templates the commands that a question may begin with
   * @param conversation that the question will be asked in
   * @param post sends to the page, if there is one
   */
  constructor(
    private readonly pending: PendingContext,
    private readonly templates: () => readonly PromptTemplate[],
    private readonly conversation: () => { id: string; isEmpty: boolean },
    private readonly post: (message: ToWebview) => void,
    log: (line: string) => void,
  ) {
    const logged = (work: Promise<void>) => void work.catch((error: unknown) => log(String(error)));
    this.subscriptions = [
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        this.offeredTo = undefined;
        logged(this.conversationChanged());
      }),
      pending.onDidChange(() => this.postContext()),
      onDidChangeMeantEditor(() => this.postOpenEditor()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        logged(pending.documentChanged(document.uri.toString()));
      }),
    ];
    logged(this.conversationChanged());
  }

  /** Attaches the project's instructions to the first question of a conversation; the person may take them away. */
  async conversationChanged(): Promise<void> {
    const { id, isEmpty } = this.conversation();
    if (id === this.offeredTo) return;
    this.offeredTo = id;
    for (const { key } of this.instructions) this.pending.remove(key);
    this.instructions = [];
    const found = isEmpty ? await projectInstructions() : [];
    const isStill = () => this.conversation().id === id && this.conversation().isEmpty;
    if (!isStill()) return;
    this.instructions = found;
    for (const source of found) {
      try {
        if (isStill()) await this.pending.add(source);
      } catch (error) {
        // It was deleted or emptied just now.
        if (!(error instanceof NothingToAttach)) throw error;
      }
    }
  }

  /** Tells a new page all there is. */
  postAll(): void {
    this.postOpenEditor();
    this.postContext();
  }

  receive(message: AttachmentMessage): Promise<void> {
    const work = this.handle(message);
    this.attaching = Promise.allSettled([this.attaching, work]);
    return work;
  }

  /** Takes what is attached, all that was asked for before included, to be sent. */
  async take(): Promise<Attachment[]> {
    await this.attaching;
    return this.pending.take();
  }

  private async handle(message: AttachmentMessage): Promise<void> {
    switch (message.type) {
      case "detach":
        return this.pending.remove(message.id);
      case "attachOpenEditor": {
        const source = openEditor();
        if (source) await this.attach(source);
        return;
      }
      case "attachFiles":
        for (const uri of message.uris.slice(0, mostDropped)) await this.attachFile(ownUri(uri));
        return;
      case "command": {
        const template = this.templates().find(({ name }) => name === message.name);
        if (template) await this.attachFor(template);
        return;
      }
      case "pickContext": {
        const source = await pickContext();
        const attached = source !== undefined && (await this.attach(source));
        this.post({ type: "picked", attached });
      }
    }
  }

  /** Attaches what a command is about, unless the person has attached something. */
  private async attachFor({ about }: PromptTemplate): Promise<void> {
    const hasOwn = this.pending.chips.some(({ key }) => !this.instructions.some((own) => own.key === key));
    for (const source of await sourcesFor(about, hasOwn)) await this.attach(source);
  }

  /** Attaches a file or a folder. What can't be attached is told. */
  async attachFile(uri: vscode.Uri): Promise<void> {
    await this.telling(async () => this.pending.add(await fileOrFolder(uri)));
  }

  /** @returns false where there is nothing to attach, which the person is told, or where they do not want it after all */
  attach(source: ContextSource): Promise<boolean> {
    return this.telling(() => this.pending.add(source));
  }

  /** What the first question of a conversation has attached by itself, and the person has left; it is attached no more. */
  takeInstructions(): ContextSource[] {
    const taken = this.instructions.filter(({ key }) => this.pending.has(key));
    for (const { key } of taken) this.pending.remove(key);
    return taken;
  }

  /** Reads some things to ask about. @returns undefined where there is nothing, which the person is told */
  async read(sources: readonly ContextSource[]): Promise<ContextContent[] | undefined> {
    const contents: ContextContent[] = [];
    const done = await this.telling(async () => {
      for (const source of sources) contents.push(await source.read());
    });
    return done ? contents : undefined;
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async telling(add: () => Promise<void>): Promise<boolean> {
    try {
      await add();
      return true;
    } catch (error) {
      // The person has thought better of it.
      if (error instanceof vscode.CancellationError) return false;
      if (!(error instanceof NothingToAttach)) throw error;
      void vscode.window.showInformationMessage(error.message);
      return false;
    }
  }

  private postOpenEditor(): void {
    const source = openEditor();
    this.post({ type: "openEditor", editor: source && { label: source.label, key: source.key } });
  }

  private postContext(): void {
    this.post({ type: "context", chips: this.pending.chips, meter: this.pending.meter });
  }
}
