/** What the bench and its suite in the extension host say to each other. */
import { NotificationType0, RequestType, RequestType0 } from "vscode-jsonrpc";
import type { Completions } from "../../../extension/backends/completionCounts.js";

export interface OpenParams {
  /** Of the workspace, by path; what is not among them is deleted. */
  files: Record<string, string>;
  /** The file that is opened, and where the cursor is put, in characters. */
  path: string;
  offset: number;
}

/** What it has cost so far. */
export interface Cost {
  completions: Completions;
  /** Of the extension host and the engine. */
  cpuSeconds: number;
  /** Tokens of an answer that streams all the time; 0 where none does. */
  chatTokens: number;
}

export interface BeginParams {
  /** Suggestions come from the simplest provider that there could be. */
  naive: boolean;
  /** The chat model answers all the time. */
  chats: boolean;
}

/** Loads the models. */
export const beginRequest = new RequestType<BeginParams, void, never>("begin");
/** Opens a file and waits until nothing is read ahead any more. */
export const openRequest = new RequestType<OpenParams, void, never>("open");
/** The text of the file that is open. */
export const textRequest = new RequestType0<string, never>("text");
export const costRequest = new RequestType0<Cost, never>("cost");
export const endNotification = new NotificationType0("end");
