import * as z from "zod";
import type { Action, Attachment, FromWebview, Message, Problem } from "../../webview/messages.js";

// Without this the library looks for a way to compile its checks, which an extension host complains about.
z.config({ jitless: true });

/** Of one question, in characters: far more than any context holds, far less than would hang anything. */
const longestText = 10_000_000;
const text = z.string().max(longestText);

const action: z.ZodType<Action> = z.discriminatedUnion("kind", [
  z.object({ kind: z.enum(["chooseModel", "askAgain", "restartEngine", "loadAgain", "showLog", "stopConversion"]) }),
  z.object({ kind: z.literal("raiseCap"), bytes: z.int().positive() }),
  z.object({ kind: z.literal("useContext"), tokens: z.int().positive() }),
  z.object({ kind: z.literal("openSetting"), setting: z.string().regex(/^flint\.\w+$/) }),
]);

const fromWebview: z.ZodType<FromWebview> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  z.object({
    type: z.literal("ask"),
    text: text.regex(/\S/),
    attach: z.boolean(),
    replaces: z.string().optional(),
  }),
  z.object({ type: z.literal("delete"), id: z.string() }),
  z.object({ type: z.literal("stop") }),
  z.object({ type: z.enum(["copy", "insert"]), text }),
  z.object({ type: z.literal("act"), action }),
]);

const problem: z.ZodType<Problem> = z.object({
  message: z.string(),
  actions: z.array(z.object({ label: z.string(), action })),
});

const attachment: z.ZodType<Attachment> = z.object({ label: z.string(), language: z.string(), text: z.string() });

const conversation: z.ZodType<Message[]> = z.array(
  z.discriminatedUnion("role", [
    z.object({ id: z.string(), role: z.literal("user"), text: z.string(), attachment: attachment.optional() }),
    z.object({
      id: z.string(),
      role: z.literal("assistant"),
      text: z.string(),
      state: z.enum(["streaming", "done", "stopped", "error"]),
      problem: problem.optional(),
      detail: z.string().optional(),
    }),
  ]),
);

/** A message of the chat panel, which may hold anything. @returns undefined when it is none that we know. */
export function parseMessage(message: unknown): FromWebview | undefined {
  return fromWebview.safeParse(message).data;
}

/** A stored conversation, perhaps of another version of Flint. @returns undefined when it can't be read. */
export function parseConversation(stored: unknown): Message[] | undefined {
  return conversation.safeParse(stored).data;
}
