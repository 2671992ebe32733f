import type { CancellationToken, Event } from "vscode";
import type { ChatMessage, GenerationResult, LoadResult } from "../engine-native/protocol.js";

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
     * Answers a conversation, outside the chat panel; `onText` gets the answer piece by piece. Cancelling succeeds with
     * finishReason `cancelled`. Rejects when an answer is being generated already.
     */
    chat(messages: ChatMessage[], onText: (text: string) => void, token?: CancellationToken): Promise<GenerationResult>;
    /**
     * Continues raw text as an inline suggestion does, with the same model. Undefined when no model is loaded, or the only
     * one is busy with an answer. A newer call cancels the one before.
     */
    complete(prefix: string, maximumTokens: number, token?: CancellationToken): Promise<GenerationResult | undefined>;
    /** Fires with the new state whenever it changes, each generated token included. */
    readonly onDidChangeState: Event<string>;
  };
}
