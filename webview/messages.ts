/** What the chat panel and the extension say to each other. Types only: the extension validates what it receives. */

/** A thing to do about a problem. The extension carries it out. */
export type Action =
  | { kind: "chooseModel" | "askAgain" | "restartEngine" | "loadAgain" | "showLog" | "stopConversion" }
  | { kind: "raiseCap"; bytes: number }
  | { kind: "useContext"; tokens: number }
  | { kind: "openSetting"; setting: string };

/** What happened, in a sentence or two, and what can be done. */
export interface Problem {
  message: string;
  actions: { label: string; action: Action }[];
}

export type AnswerState = "streaming" | "done" | "stopped" | "error";

/** Code that a question is about. */
export interface Attachment {
  /** As "main.ts 12–40". */
  label: string;
  /** VS Code's id of its language. */
  language: string;
  text: string;
}

export interface UserMessage {
  id: string;
  role: "user";
  text: string;
  attachment?: Attachment | undefined;
}
export interface AssistantMessage {
  id: string;
  role: "assistant";
  /** Markdown; may be a half answer. */
  text: string;
  state: AnswerState;
  /** Why it stopped, in state `error`. */
  problem?: Problem | undefined;
  /** A few words on how it went, as "5.2 tokens/s". */
  detail?: string | undefined;
}
export type Message = UserMessage | AssistantMessage;

/** What the engine does, in words. */
export interface Status {
  phase: "empty" | "idle" | "converting" | "loading" | "ready" | "reading" | "answering" | "waiting" | "failed";
  /** Name of the chosen model. */
  model?: string | undefined;
  /** "Fits in 6.0 GiB, about 5 tokens/s", known before it is loaded. */
  fit?: string | undefined;
  /** What it is busy with, as "Loading: 0.2 of 0.3 GB". */
  activity?: string | undefined;
  /** How much of that is done, 0 to 1. */
  fraction?: number | undefined;
  /** Speed and memory, for the line below the input, as "5.2 tokens/s" and "5.8 of 6.0 GiB". */
  numbers: string[];
  /** More about them, shown when pointed at: "Hit rate 91%: …". */
  details?: string | undefined;
  /** In phase `failed`, or something to know that no answer tells. */
  problem?: Problem | undefined;
}

export type ToWebview =
  /** The whole conversation: on `ready`, and whenever a message came, went or changed its state. */
  | { type: "conversation"; messages: Message[] }
  /** More text for the answer `id`. */
  | { type: "text"; id: string; text: string }
  | { type: "status"; status: Status }
  /** What `attach` would attach, as "main.ts 12–40"; absent when no file is open. */
  | { type: "openEditor"; label?: string | undefined }
  | { type: "focusInput" };

export type FromWebview =
  /** It listens now. */
  | { type: "ready" }
  /** With `attach` the question is about what is open in the editor; `replaces` is the id of the question it is put in place of, with all that came after. */
  | { type: "ask"; text: string; attach: boolean; replaces?: string | undefined }
  /** Takes the question `id` and its answer away. */
  | { type: "delete"; id: string }
  | { type: "stop" }
  | { type: "copy"; text: string }
  /** Puts code into the editor, where the cursor is. */
  | { type: "insert"; text: string }
  | { type: "act"; action: Action };
