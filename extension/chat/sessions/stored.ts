/** The messages of a stored conversation, of this and of earlier versions of Flint. */
import * as z from "zod";
import type { Attachment, Message, Problem } from "../../../webview/messages.js";
import { action } from "../action.js";

const problem: z.ZodType<Problem> = z.object({
  message: z.string(),
  actions: z.array(z.object({ label: z.string(), action })),
});

/** Before there were several, an attachment had a label alone, and its tokens were not counted. */
export const attachmentSchema: z.ZodType<Attachment> = z
  .object({
    label: z.string(),
    name: z.string().optional(),
    path: z.string().optional(),
    firstLine: z.int().positive().default(1),
    lastLine: z.int().positive().optional(),
    language: z.string(),
    text: z.string(),
    tokens: z.int().nonnegative().optional(),
    omitted: z.string().optional(),
  })
  .transform(({ name, ...rest }) => ({ ...rest, name: name ?? rest.label }));

export const messageSchema: z.ZodType<Message> = z.discriminatedUnion("role", [
  z
    .object({
      id: z.string(),
      role: z.literal("user"),
      text: z.string(),
      attachments: z.array(attachmentSchema).optional(),
      attachment: attachmentSchema.optional(),
    })
    .transform(({ attachment, attachments, ...rest }) => ({
      ...rest,
      attachments: attachments ?? (attachment ? [attachment] : []),
    })),
  z.object({
    id: z.string(),
    role: z.literal("assistant"),
    text: z.string(),
    state: z.enum(["streaming", "done", "stopped", "error"]),
    thought: z
      .object({ text: z.string(), tokens: z.int().nonnegative(), durationMs: z.number().nonnegative() })
      .optional(),
    seenFrom: z.string().optional(),
    finishReason: z.literal("length").optional(),
    problem: problem.optional(),
    detail: z.string().optional(),
  }),
]);

const messages = z.array(messageSchema);

/**
 * What `chat.json` had before there were several conversations: one list of messages, oldest first. The first versions kept no
 * id with it.
 */
export const singleConversationSchema: z.ZodType<Message[]> = z.union([
  z.object({ id: z.string(), messages }).transform(({ messages }) => messages),
  messages,
]);
