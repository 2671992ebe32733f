/** A conversation, and the form of its file. */
import * as z from "zod";
import type { Attachment, Message } from "../../../webview/messages.js";
import { attachmentSchema, messageSchema } from "./stored.js";
import type { StoredTree } from "./tree.js";

/** A question that is asked when the answers before it have ended. */
export interface QueuedQuestion {
  readonly id: string;
  text: string;
  readonly attachments: Attachment[];
}

/** What a list tells of a conversation without reading its messages. Times are in ms since the epoch. */
export interface ConversationSummary {
  /** The name of its file, without the ending. */
  readonly id: string;
  /** That a person gave it, or else of the first question. */
  readonly title: string;
  /** A person gave it the title. */
  readonly renamed: boolean;
  readonly createdAt: number;
  /** When something was said in it. */
  readonly updatedAt: number;
}

/** All of a conversation. */
export interface Conversation extends Omit<ConversationSummary, "title" | "renamed"> {
  /** Absent: of the first question. */
  readonly title?: string | undefined;
  readonly tree: StoredTree;
  readonly queue: readonly QueuedQuestion[];
}

/** Of a title, in characters. */
export const longestTitle = 80;

/** A title of the first words of a question; of a question without words, none. */
export function titleOf(question: string): string {
  const words = question.replace(/\s+/g, " ").trim();
  if (words.length <= longestTitle) return words;
  const cut = words.slice(0, longestTitle - 1).replace(/[\uD800-\uDBFF]$/, "");
  const space = cut.lastIndexOf(" ");
  return `${(space > longestTitle / 2 ? cut.slice(0, space) : cut).trimEnd()}…`;
}

/** The title of a conversation: "" while nothing was asked. */
export function titleOfConversation({ title, tree }: Pick<Conversation, "title" | "tree">): string {
  return title ?? titleOf(tree.nodes.find(({ message }) => message.role === "user")?.message.text ?? "");
}

/** A conversation that nothing was said in. */
export function newConversation(id: string, now = Date.now(), messages: readonly Message[] = []): Conversation {
  const nodes = messages.map((message, index) => {
    const parent = messages[index - 1]?.id;
    return parent === undefined ? { message } : { message, parent };
  });
  return { id, createdAt: now, updatedAt: now, tree: { nodes, chosen: {} }, queue: [] };
}

/** As it is when nobody answers: what was streaming, as when a window was closed, can't go on by itself. */
export function settled(conversation: Conversation): Conversation {
  const nodes = conversation.tree.nodes.map(({ message, ...rest }) =>
    message.role === "assistant" && message.state === "streaming"
      ? { ...rest, message: { ...message, state: "stopped" as const } }
      : { ...rest, message },
  );
  return { ...conversation, tree: { ...conversation.tree, nodes } };
}

const version = 1;
const summarySchema = z.object({
  version: z.literal(version),
  title: z.string(),
  renamed: z.boolean(),
  createdAt: z.number(),
  updatedAt: z.number(),
});

const contentSchema = z.object({
  summary: summarySchema,
  nodes: z.array(z.object({ parent: z.string().optional(), message: messageSchema })),
  chosen: z.record(z.string(), z.string()),
  queue: z.array(z.object({ id: z.string(), text: z.string(), attachments: z.array(attachmentSchema) })),
});

/** In bytes: no summary is longer. */
export const longestSummary = 4096;

/** JSON whose first line is enough for a list: see {@link parseSummary}. */
export function serialize(conversation: Conversation): string {
  const { title, createdAt, updatedAt, tree, queue } = conversation;
  const renamed = title !== undefined;
  const summary = { version, title: titleOfConversation(conversation), renamed, createdAt, updatedAt };
  const content = JSON.stringify({ ...tree, queue });
  return `{"summary":${JSON.stringify(summary)},\n${content.slice(1)}\n`;
}

/** @param text of a file. @throws SyntaxError, or zod's error, where it is damaged or of a later version */
export function parseConversation(id: string, text: string): Conversation {
  const { summary, nodes, chosen, queue } = contentSchema.parse(JSON.parse(text));
  const { title, renamed, createdAt, updatedAt } = summary;
  return { id, ...(renamed && { title }), createdAt, updatedAt, tree: { nodes, chosen }, queue };
}

/** Whether a file was written by a later version of Flint. @param beginning as {@link parseSummary} */
export function isOfLaterVersion(beginning: string): boolean {
  const written = /^\{"summary":\{"version":(\d+)/.exec(beginning)?.[1];
  return written !== undefined && Number(written) > version;
}

/** @param beginning of a file, {@link longestSummary} long or whole. @throws as {@link parseConversation} */
export function parseSummary(id: string, beginning: string): ConversationSummary {
  const end = beginning.indexOf("\n");
  const line = beginning.slice(0, end).replace(/,$/, "}");
  const { version: _, ...summary } = z.object({ summary: summarySchema }).parse(JSON.parse(line)).summary;
  return { id, ...summary };
}
