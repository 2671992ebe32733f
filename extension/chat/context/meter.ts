import * as l10n from "@vscode/l10n";
import type { ChatMessage, CountPromptTokensResult } from "../../../protocol/messages.js";
import type { ContextMeter, Message, UserMessage } from "../../../webview/messages.js";
import { integer } from "../../numbers.js";
import { firstSeen, toPrompt } from "../prompt/prompt.js";

/** Of the context, the least that an answer wants for itself. */
const answerShare = 1 / 8;

/**
 * How much of the context a question would take with the conversation before it, and what would be left out.
 * @param count how many tokens the model reads of a prompt, and what of it is left out
 */
export async function measurePrompt(
  conversation: readonly Message[],
  question: UserMessage,
  contextTokens: number,
  count: (messages: ChatMessage[]) => Promise<CountPromptTokensResult>,
): Promise<ContextMeter> {
  const messages = [...conversation, question];
  const prompt = toPrompt(messages);
  const { tokens, omittedMessages } = await count(prompt);
  const left = prompt.filter((_, place) => !omittedMessages.includes(place));
  const promptTokens = left.length === prompt.length ? tokens : (await count(left)).tokens;
  const questions = prompt.filter(({ role }, place) => role === "user" && omittedMessages.includes(place)).length;
  const isAlone = left.filter(({ role }) => role === "user").length === 1;
  return {
    promptTokens,
    contextTokens,
    notice: noticeOf({ promptTokens, contextTokens, questions, isAlone }),
    seenFrom: firstSeen(messages, omittedMessages),
  };
}

interface Measured {
  promptTokens: number;
  contextTokens: number;
  /** How many are left out. */
  questions: number;
  /** Nothing of the conversation is left. */
  isAlone: boolean;
}

function noticeOf({ promptTokens, contextTokens, questions, isAlone }: Measured): string | undefined {
  const numbers = [integer(promptTokens), integer(contextTokens)];
  if (promptTokens > contextTokens) {
    return isAlone
      ? l10n.t(
          "This question alone has {0} tokens, and the context {1}. Shorten it, remove an attachment, or use a larger context.",
          ...numbers,
        )
      : l10n.t(
          "With the conversation before it, this question has {0} tokens, and the context {1}. Begin a new chat, or use a larger context.",
          ...numbers,
        );
  }
  if (promptTokens > contextTokens * (1 - answerShare)) {
    return l10n.t(
      "This leaves {0} tokens for the answer. Shorten the question, or remove an attachment.",
      integer(contextTokens - promptTokens),
    );
  }
  if (questions === 0) return undefined;
  return questions === 1
    ? l10n.t("The conversation does not fit any more: its oldest question and answer will be left out.")
    : l10n.t(
        "The conversation does not fit any more: its oldest {0} questions and answers will be left out.",
        questions,
      );
}
