import type { Attachment } from "../../../webview/messages.js";

/** A thing that a person can attach to a question. */
export interface ContextSource {
  /** The same for the same thing, which is attached once. */
  readonly key: string;
  /** As "main.ts 12–40". */
  readonly label: string;
  /** Name of a codicon. */
  readonly icon: string;
  /** Of the document that it shows as it is now; absent for what stays as it was when it was attached. */
  readonly uri?: string | undefined;
  /** What it is now. @throws NothingToAttach; vscode.CancellationError where a person does not want it after all */
  read(): Promise<ContextContent>;
}

export interface ContextContent {
  /** One, or of a folder the files that matter most first. Tokens are not counted yet. */
  attachments: Attachment[];
  /** What is not among them and why, in a sentence. */
  omitted?: string | undefined;
}

/** There is nothing to attach. The message says why, for a person. */
export class NothingToAttach extends Error {}
