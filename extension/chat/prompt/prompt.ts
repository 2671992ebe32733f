/** From a conversation to what the model is given. */
import type { ChatMessage } from "../../../protocol/messages.js";
import type { Attachment, Message } from "../../../webview/messages.js";
import { systemPrompt } from "./systemPrompt.js";

/** Greedy, a small model falls into saying the same over and over; and asking again would change nothing. */
export const chatTemperature = 0.5;

/**
 * The system prompt and the conversation. Answers that failed without a word are left out, with the question they left
 * unanswered. A longer conversation begins with the same bytes as a shorter one, so that the engine reads only what is new.
 */
export function toPrompt(messages: readonly Message[]): ChatMessage[] {
  const said = messagesOfPrompt(messages).map((message): ChatMessage => {
    if (message.role === "assistant") return { role: "assistant", text: message.text };
    const { text, attachments } = message;
    // What is attached stays when the context is full.
    return { role: "user", text: withAttachments(text, attachments), ...(attachments.length > 0 && { keep: true }) };
  });
  return [{ role: "system", text: systemPrompt }, ...said];
}

/**
 * The first message of a conversation that the model sees when some of its prompt are left out; what is attached to those before
 * may be seen all the same.
 * @param omitted places in what {@link toPrompt} made of it
 * @returns its id; undefined where nothing is left out
 */
export function firstSeen(messages: readonly Message[], omitted: readonly number[]): string | undefined {
  // The system prompt is in the first place, and stays.
  return omitted.length === 0 ? undefined : messagesOfPrompt(messages)[Math.max(...omitted)]?.id;
}

/** The messages that {@link toPrompt} takes, in their order behind the system prompt. */
function messagesOfPrompt(messages: readonly Message[]): Message[] {
  return messages.filter((message, index) => {
    const answer = message.role === "user" ? messages[index + 1] : message;
    if (answer === undefined || answer.role === "user") return true;
    // What is under way may begin any moment: the next question comes after it.
    return answer.text !== "" || answer.state === "streaming";
  });
}

/** A question after what it is about. */
export function withAttachments(question: string, attachments: readonly Attachment[]): string {
  return [...attachments.map(fenced), question].join("\n\n");
}

/** As the system prompt asks for it in answers: the language and the path after the fence. */
function fenced({ label, language, path, text }: Attachment): string {
  // Longer than any fence inside, which would end this one.
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const info = path === undefined ? language : `${language} ${path}`;
  return `${label}:\n\n${fence}${info}\n${text}\n${fence}`;
}
