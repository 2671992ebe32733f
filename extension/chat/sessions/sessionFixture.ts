import { expect } from "vitest";
import type { CancellationToken } from "vscode-jsonrpc";
import type { ChatMessage, Plan } from "../../../protocol/messages.js";
import type { Message } from "../../../webview/messages.js";
import type { Backend } from "../../backends/backend.js";
import { generationResult } from "../../fixtures.js";
import { type Conversation, newConversation } from "./conversation.js";
import { ChatSession, type SessionOptions } from "./session.js";

/** What a session under test is given. */
interface Setting {
  stored?: Message[];
  measured?: Plan["measured"];
  /** As if each word were a token. */
  countTokens?: Backend["countTokens"];
  contextTokens?: number;
  thinking?: boolean;
  answerNow?: Backend["answerNow"];
}

/** What a session is made with, whose answers `chat` makes. */
export const sessionOptions = (
  chat: Backend["chat"],
  { measured, contextTokens = 4096, ...more }: Omit<Setting, "stored"> = {},
): SessionOptions => ({
  backend: {
    chat,
    answerNow: more.answerNow ?? (async () => undefined),
    countTokens: more.countTokens ?? (async (text) => text.split(/\s+/).filter(Boolean).length),
    limits: async () => ({ contextTokens }),
  },
  thinking: () => more.thinking ?? true,
  measured: () => measured,
  toProblem: (error) => ({ message: String(error), actions: [] }),
});

/** A session whose answers `chat` makes, and what it has had stored. */
export function setUp(chat: Backend["chat"], { stored = [], ...more }: Setting = {}) {
  const session = new ChatSession(newConversation("first", 1, stored), sessionOptions(chat, more));
  const written: Conversation[] = [];
  session.onShouldStore(() => written.push(structuredClone(session.conversation)));
  return { session, written };
}

/** Of a prompt, what was said. */
export const withoutSystemPrompt = ([system, ...said]: readonly ChatMessage[]) => {
  expect(system?.role).toBe("system");
  return said;
};

/** Streams "Half" and then waits to be cancelled. */
export const endless: Backend["chat"] = (_, { onText }, token: CancellationToken) => {
  onText("Half");
  return new Promise((resolve) => token.onCancellationRequested(() => resolve(generationResult("Half", "cancelled"))));
};

export const about = {
  label: "a.ts",
  name: "a.ts",
  firstLine: 1,
  language: "typescript",
  text: "one two\nthree\nfour",
};
