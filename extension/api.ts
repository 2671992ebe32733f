import * as vscode from "vscode";
import { CancellationToken } from "vscode-jsonrpc";
import type { ChatMessage, GenerationResult, LoadResult } from "../protocol/messages.js";
import type { Completions } from "./backends/completionCounts.js";
import type { SidecarBackend } from "./backends/sidecar.js";
import { type AnswerCode, applyToFile } from "./chat/edits/applyToFile.js";
import type { Proposals } from "./chat/edits/proposals.js";
import type { EngineClient } from "./engine/engine.js";

/** What `activate` returns: the engine, for tests and for other extensions. */
export interface FlintApi {
  readonly engine: {
    /** Process id of the sidecar; undefined while none runs. */
    pid(): number | undefined;
    /** `empty` (no model chosen), `idle`, `converting` (nothing is loaded meanwhile), `loading`, `ready`, `reading`, `answering` or `failed`. */
    state(): string;
    /** Loads the model of the settings unless it is loaded. Rejects as the engine's `load` does. */
    load(): Promise<LoadResult>;
    /**
     * Answers a conversation, outside the chat panel; `onText` gets the answer piece by piece. Waits while another answer is
     * generated. Cancelling resolves with finishReason `cancelled`, or rejects where the answer has not begun.
     */
    chat(
      messages: ChatMessage[],
      onText: (text: string) => void,
      token?: vscode.CancellationToken,
    ): Promise<GenerationResult>;
    /**
     * Continues raw text as an inline suggestion does, with the same model. Undefined when no model is loaded, or the only
     * one is busy with an answer. A newer call cancels the one before.
     */
    complete(
      prefix: string,
      maximumTokens: number,
      token?: vscode.CancellationToken,
      suffix?: string,
    ): Promise<GenerationResult | undefined>;
    /** What completions have cost since the extension started, inline suggestions included. */
    completions(): Completions;
    /** Fires with the new state whenever it changes, each generated token included. */
    readonly onDidChangeState: vscode.Event<string>;
  };
  readonly edits: {
    /** Shows what code of an answer changes in its file, as the button "Apply to file" does. Rejects where there is no file for it. */
    apply(code: AnswerCode): Promise<void>;
  };
}

/** @param subscriptions what it listens with, to be disposed of */
export function createApi(
  engine: EngineClient,
  backend: SidecarBackend,
  proposals: Proposals,
  subscriptions: vscode.Disposable[],
): FlintApi {
  const didChangeState = new vscode.EventEmitter<string>();
  subscriptions.push(
    didChangeState,
    engine.onDidChangeState(({ kind }) => didChangeState.fire(kind)),
  );
  return {
    engine: {
      pid: () => engine.pid,
      state: () => engine.state.kind,
      load: () => engine.load(),
      chat: (messages, onText, token) => backend.chat({ messages }, { onText }, token),
      complete: (prefix, maximumTokens, token = CancellationToken.None, suffix = undefined) =>
        backend.complete({ prefix, maximumTokens, ...(suffix !== undefined && { suffix }) }, token),
      completions: () => backend.completions,
      onDidChangeState: didChangeState.event,
    },
    edits: { apply: (code) => applyToFile(proposals, code, []) },
  };
}
