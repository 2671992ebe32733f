import * as z from "zod";
import { type FromWebview, longestQuestion } from "../../../webview/messages.js";
import { action } from "../action.js";
import { draftSchema } from "../sessions/panelState.js";

const longestUri = 32_767;
const mostUris = 10_000;
const longestName = 100;
const text = z.string().max(longestQuestion);

const fromWebview: z.ZodType<FromWebview> = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ready") }),
  z.object({
    type: z.literal("ask"),
    text: text.regex(/\S/),
    sessionId: z.string(),
    replaces: z.string().optional(),
  }),
  z.object({
    type: z.enum(["delete", "showVersion", "removeQueued", "sendQueued"]),
    sessionId: z.string(),
    id: z.string(),
  }),
  z.object({ type: z.literal("changeQueued"), sessionId: z.string(), id: z.string(), text: text.regex(/\S/) }),
  z.object({ type: z.literal("draft"), sessionId: z.string(), draft: draftSchema, question: text.optional() }),
  z.object({ type: z.enum(["stop", "answerNow", "continue", "undoDelete"]), sessionId: z.string() }),
  z.object({ type: z.enum(["copy", "insert", "runInTerminal"]), text }),
  z.object({
    type: z.enum(["apply", "newFile"]),
    text,
    language: z.string().max(100),
    path: z.string().max(1000).optional(),
  }),
  z.object({ type: z.literal("setThinking"), thinking: z.boolean() }),
  z.object({ type: z.literal("act"), action }),
  z.object({ type: z.enum(["pickContext", "attachOpenEditor"]) }),
  z.object({ type: z.literal("attachFiles"), uris: z.array(z.string().max(longestUri)).max(mostUris) }),
  z.object({ type: z.literal("detach"), id: z.string() }),
  z.object({ type: z.literal("command"), name: z.string().max(longestName) }),
]);

/** A message of the chat panel, which may hold anything. @returns undefined when it is none that we know. */
export function parseMessage(message: unknown): FromWebview | undefined {
  return fromWebview.safeParse(message).data;
}
