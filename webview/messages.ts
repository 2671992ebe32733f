/** What the chat panel and the extension say to each other. The extension validates what it receives. */

/** Of a question, in characters: far more than any context holds, far less than would hang anything. */
export const longestQuestion = 10_000_000;

/** A thing to do about a problem. The extension carries it out. */
export type Action =
  | { kind: "chooseModel" | "askAgain" | "restartEngine" | "loadAgain" | "showLog" | "stopConversion" }
  | { kind: "storeAgain" | "exportChat" }
  | { kind: "raiseCap"; bytes: number }
  | { kind: "useContext"; tokens: number }
  | { kind: "openSetting"; setting: string };

/** What happened, in a sentence or two, and what can be done. */
export interface Problem {
  message: string;
  actions: { label: string; action: Action }[];
}

type AnswerState = "streaming" | "done" | "stopped" | "error";

/** Code that a question is about. */
export interface Attachment {
  /** As "main.ts 12–40". */
  label: string;
  /** Name of the file, without its folder. */
  name: string;
  /** From the workspace folder, with slashes; absent for what is in no file of the workspace. */
  path?: string | undefined;
  /** Number of the line that the text begins with, from 1. */
  firstLine: number;
  /** Number of the last line that was meant, where it is so long that not even all of it was read. */
  lastLine?: number | undefined;
  /** VS Code's id of its language. */
  language: string;
  text: string;
  /** How many tokens it is for the model; absent until they are counted, which may take a load of the model. */
  tokens?: number | undefined;
  /** What of it was left out to keep within the context, in a sentence. */
  omitted?: string | undefined;
}

/** Something that is attached to the question that is being written. */
export interface Chip {
  id: string;
  /** The same for the same thing. */
  key: string;
  /** As "main.ts 12–40". */
  label: string;
  /** Name of a codicon. */
  icon: string;
  /** How many tokens it is for the model; absent until they are counted. */
  tokens?: number | undefined;
  /** What of it would be left out, in a sentence. */
  omitted?: string | undefined;
}

/** How much of the context a question would take with all that goes before it. */
export interface ContextMeter {
  promptTokens: number;
  contextTokens: number;
  /** "about 40 s before the first word", where it takes long. */
  wait?: string | undefined;
  /** What would not fit, in a sentence. */
  notice?: string | undefined;
  /** Id of the first message that the model would see; absent: it would see all. */
  seenFrom?: string | undefined;
}

/** A command that a question may begin with, as "/fix". */
export interface SlashCommand {
  /** Without the slash. */
  name: string;
  description: string;
  /** What it stands for. */
  text: string;
}

export interface UserMessage {
  id: string;
  role: "user";
  text: string;
  attachments: Attachment[];
}
/** What a model has thought before it answered. */
export interface Thought {
  /** Plain text. */
  text: string;
  tokens: number;
  durationMs: number;
}

export interface AssistantMessage {
  id: string;
  role: "assistant";
  /** Markdown; may be a half answer. */
  text: string;
  state: AnswerState;
  /** Absent where it did not think. */
  thought?: Thought | undefined;
  /** Id of the first message that the model could see; absent: it could see all. */
  seenFrom?: string | undefined;
  /** It ended before the model had said all. */
  finishReason?: "length" | undefined;
  /** Why it stopped, in state `error`. */
  problem?: Problem | undefined;
  /** A few words on how it goes or went, as "5.2 tokens/s". */
  detail?: string | undefined;
}
export type Message = UserMessage | AssistantMessage;

/** A message with what the page needs to know of its other versions: of an answer asked for again, of a question changed. */
export type ShownMessage = Message & {
  /** All ids, oldest first, and which of them this is; absent where there is one only. */
  versions?: { ids: readonly string[]; index: number } | undefined;
};

/** A question that is asked when the answers before it have ended. */
export interface ShownQueued {
  id: string;
  text: string;
  /** Of what is attached. */
  labels: string[];
}

/** What was typed and not sent. */
export interface Draft {
  text: string;
  /** What was typed in place of a question that was asked, or that waits: of that id. */
  editing?: { id: string; text: string } | undefined;
}

/** What the engine does, in words. */
export interface Status {
  phase: "empty" | "idle" | "converting" | "loading" | "ready" | "reading" | "answering" | "waiting" | "failed";
  /** Name of the chosen model. */
  model?: string | undefined;
  /** Where questions go: "this machine", or another one's host. */
  place?: string | undefined;
  /** "Fits in 6.0 GiB, about 5 tokens/s", known before it is loaded. */
  fit?: string | undefined;
  /** What it is busy with, as "Loading: 0.2 of 0.3 GB". */
  activity?: string | undefined;
  /** How much of that is done, 0 to 1. */
  fraction?: number | undefined;
  /** Whether the model is to think before it answers; absent where that is no choice. */
  thinking?: boolean | undefined;
  /** Speed and memory, for the line below the input, as "5.2 tokens/s" and "5.8 of 6.0 GiB". */
  numbers: string[];
  /** More about them, shown when pointed at: "Hit rate 91%: …". */
  details?: string | undefined;
  /** In phase `failed`, or something to know that no answer tells. */
  problem?: Problem | undefined;
}

export type ToWebview =
  /** The whole conversation: on `ready`, and whenever a message came, went or changed its state. */
  | {
      type: "conversation";
      sessionId: string;
      messages: ShownMessage[];
      queue: ShownQueued[];
      /** What was deleted last can be had back. */
      canUndo: boolean;
      /** Why the conversation is not stored, while it is not. */
      notice?: Problem | undefined;
    }
  /** What was typed for the conversation and not sent: on `ready`, and when another conversation is on show. */
  | { type: "draft"; draft: Draft }
  /** More text for the answer `id`. */
  | { type: "text"; id: string; text: string }
  /** `text` more of what is thought for the answer `id`, which has so many tokens and took so long by then. */
  | ({ type: "thought"; id: string } & Thought)
  | { type: "status"; status: Status }
  /** What is open or selected in the editor, as "main.ts 12–40", and the key of its chip; absent when no file is open. */
  | { type: "openEditor"; editor?: { label: string; key: string } | undefined }
  /** What is attached to the question that is being written; the meter is absent while no model is loaded. */
  | { type: "context"; chips: Chip[]; meter?: ContextMeter | undefined }
  /** The list of what can be attached was closed: the `@` that opened it has been of use, or is only a character. */
  | { type: "picked"; attached: boolean }
  | { type: "commands"; commands: SlashCommand[] }
  /** Puts a question into the input, for the person to change or send. */
  | { type: "propose"; text: string }
  | { type: "focusInput" };

export type FromWebview =
  /** It listens now. */
  | { type: "ready" }
  /** Asks about what is attached. `replaces` is the id of the question of which this is another version. */
  | { type: "ask"; sessionId: string; text: string; replaces?: string | undefined }
  /** Shows the list of what can be attached. */
  | { type: "pickContext" }
  | { type: "attachOpenEditor" }
  /** Files and folders that were dropped on the panel, as URIs. */
  | { type: "attachFiles"; uris: string[] }
  /** Removes a chip, by its id or key. */
  | { type: "detach"; id: string }
  /** A question begins with this command now: attaches what it is about unless something is. */
  | { type: "command"; name: string }
  /** Removes the question `id` and its answer. */
  | { type: "delete"; sessionId: string; id: string }
  /** Puts back what was deleted last. */
  | { type: "undoDelete"; sessionId: string }
  /** Shows the version `id` of a question or of an answer. */
  | { type: "showVersion"; sessionId: string; id: string }
  /** Goes on with the last answer where it ended. */
  | { type: "continue"; sessionId: string }
  /** Changes a question that waits, takes it out of the queue, or asks it now. */
  | { type: "changeQueued"; sessionId: string; id: string; text: string }
  | { type: "removeQueued" | "sendQueued"; sessionId: string; id: string }
  /** @param question what would be asked, with a command in it expanded; absent: what is typed */
  | { type: "draft"; sessionId: string; draft: Draft; question?: string | undefined }
  | { type: "stop"; sessionId: string }
  /** Ends the thought that is under way, so that the answer begins. */
  | { type: "answerNow"; sessionId: string }
  /** Whether models are to think before they answer, from the next answer on. */
  | { type: "setThinking"; thinking: boolean }
  | { type: "copy"; text: string }
  /** Puts code into the editor, where the cursor is. */
  | { type: "insert"; text: string }
  /** Puts a command into the terminal, for the person to run. */
  | { type: "runInTerminal"; text: string }
  /** Shows what code changes in a file, or makes a file of it; `path` is the one that the model has named. */
  | { type: "apply" | "newFile"; text: string; language: string; path?: string | undefined }
  | { type: "act"; action: Action };
