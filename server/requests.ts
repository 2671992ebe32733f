/** What clients send: the fields that are used, checked; others are ignored, as every client has some of its own. */
import type { Context } from "hono";
import * as z from "zod";
import type { ChatMessage, ChatParams, CountPromptTokensParams, GenerationParams } from "../protocol/messages.js";
import { invalidRequest } from "./errors.js";

export const absent = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);
const largestSeed = 2 ** 32 - 2;

/** What all ways of generating share, in the words of OpenAI and of llama-server. */
export const samplingFields = {
  model: absent(z.string()),
  stream: absent(z.boolean()),
  stream_options: absent(z.looseObject({ include_usage: absent(z.boolean()) })),
  max_tokens: absent(z.int()),
  max_completion_tokens: absent(z.int()),
  n_predict: absent(z.int()),
  temperature: absent(z.number()),
  top_p: absent(z.number()),
  top_k: absent(z.number()),
  min_p: absent(z.number()),
  seed: absent(z.int()),
  frequency_penalty: absent(z.number()),
  presence_penalty: absent(z.number()),
  stop: absent(z.union([z.string(), z.array(z.string())])),
  ignore_eos: absent(z.boolean()),
  n: absent(z.int()),
};
const samplingSchema = z.object(samplingFields);
export type SamplingFields = z.infer<typeof samplingSchema>;

const textPart = z.looseObject({ type: z.string(), text: z.string().optional() });
const content = absent(z.union([z.string(), z.array(textPart)]));
const toolCall = z.looseObject({
  id: absent(z.string()),
  function: z.looseObject({ name: z.string(), arguments: z.union([z.string(), z.record(z.string(), z.unknown())]) }),
});
const message = z.looseObject({
  role: z.string(),
  content,
  tool_calls: absent(z.array(toolCall)),
  tool_call_id: absent(z.string()),
});
export const schemaObject = z.record(z.string(), z.unknown());
const tool = z.looseObject({
  type: z.string(),
  function: z
    .looseObject({ name: z.string(), description: absent(z.string()), parameters: absent(schemaObject) })
    .optional(),
});

/** What form an answer is to have, in the words of each API. */
export const formatField = absent(
  z.looseObject({
    type: z.string(),
    json_schema: absent(z.looseObject({ schema: absent(schemaObject) })),
    schema: absent(schemaObject),
  }),
);

export const chatBody = z.object({
  ...samplingFields,
  messages: z.array(message).min(1),
  tools: absent(z.array(tool)),
  tool_choice: absent(z.union([z.string(), z.looseObject({ function: z.looseObject({ name: z.string() }) })])),
  parallel_tool_calls: absent(z.boolean()),
  response_format: formatField,
  logprobs: absent(z.boolean()),
  top_logprobs: absent(z.int().min(0).max(20)),
});

export const templateBody = chatBody.pick({ model: true, messages: true, tools: true });

/** The body of a request as its schema has it. @throws ApiError 400 */
export async function bodyOf<Schema extends z.ZodType>(context: Context, schema: Schema): Promise<z.output<Schema>> {
  const text = await context.req.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalidRequest("The body is not valid JSON.");
  }
  const checked = schema.safeParse(json);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  const where = (issue?.path ?? []).map(String).join(".");
  throw invalidRequest(`${where || "The body"}: ${issue?.message ?? "is not valid"}.`, where || null);
}

/** @throws ApiError 400 for what no model here can do */
export function generationParams(body: SamplingFields): GenerationParams {
  if (body.n !== undefined && body.n !== 1) throw invalidRequest("n: only one answer at a time is supported.", "n");
  const limit = body.max_completion_tokens ?? body.max_tokens ?? body.n_predict;
  const { temperature, top_p: topP, top_k: topK, min_p: minP, seed, stop } = body;
  return {
    // llama-server's -1 is without a limit, its 0 only reads the prompt.
    ...(limit === undefined || limit < 0 ? {} : { maximumTokens: Math.max(1, limit) }),
    ...(temperature === undefined ? {} : { temperature: Math.max(0, temperature) }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK: Math.max(0, Math.floor(topK)) }),
    ...(minP === undefined ? {} : { minP }),
    // Negative: any.
    ...(seed === undefined || seed < 0 ? {} : { seed: Math.min(seed, largestSeed) }),
    ...(body.frequency_penalty === undefined ? {} : { frequencyPenalty: body.frequency_penalty }),
    ...(body.presence_penalty === undefined ? {} : { presencePenalty: body.presence_penalty }),
    ...(stop === undefined ? {} : { stop: [stop].flat().filter((text) => text !== "") }),
    ...(body.ignore_eos ? { ignoreEos: true } : {}),
  };
}

/** @throws ApiError 400 */
export function chatParams(body: z.output<typeof chatBody>): ChatParams {
  const { tools, tool_choice: choice, response_format: format, logprobs, top_logprobs: top } = body;
  if (top !== undefined && !logprobs) throw invalidRequest("top_logprobs: only with logprobs.", "top_logprobs");
  const mayCall = tools !== undefined && tools.length > 0 && choice !== "none";
  const responseSchema = mayCall ? undefined : responseSchemaOf(format, "response_format");
  return {
    ...generationParams(body),
    ...(logprobs ? { logprobs: top ?? 0 } : {}),
    ...conversationOf(body),
    whole: true,
    ...(tools && tools.length > 0 ? { toolChoice: choiceOf(choice) } : {}),
    ...(body.parallel_tool_calls === undefined ? {} : { parallelToolCalls: body.parallel_tool_calls }),
    ...(responseSchema === undefined ? {} : { responseSchema }),
  };
}

type Body = z.output<typeof chatBody>;

/** What a model is given, for the engine. @throws ApiError 400 for what it cannot be given */
export function conversationOf({ messages, tools }: Pick<Body, "messages" | "tools">): CountPromptTokensParams {
  return {
    messages: messages.map(messageOf),
    ...(tools && tools.length > 0 ? { tools: tools.map(toolOf) } : {}),
  };
}

function messageOf(message: Body["messages"][number], index: number): ChatMessage {
  const at = `messages.${index}`;
  const text = textOf(message.content, at);
  switch (message.role) {
    case "system":
    case "developer":
      return { role: "system", text };
    case "user":
      return { role: "user", text };
    case "tool":
      return { role: "tool", text, toolCallId: message.tool_call_id ?? "" };
    case "assistant": {
      const toolCalls = message.tool_calls?.map(({ id, function: { name, arguments: args } }, call) => ({
        id: id ?? `${at}.${call}`,
        name,
        arguments: typeof args === "string" ? args : JSON.stringify(args),
      }));
      return { role: "assistant", text, ...(toolCalls && toolCalls.length > 0 ? { toolCalls } : {}) };
    }
    default:
      throw invalidRequest(`${at}.role: ${JSON.stringify(message.role)} is not supported.`, at);
  }
}

function textOf(content: Body["messages"][number]["content"], at: string): string {
  if (content === undefined || typeof content === "string") return content ?? "";
  return content
    .map(({ type, text }) => {
      if (type === "text" && text !== undefined) return text;
      throw invalidRequest(`${at}.content: parts of type ${JSON.stringify(type)} are not supported, only text.`, at);
    })
    .join("");
}

function toolOf({ type, function: own }: NonNullable<Body["tools"]>[number], index: number) {
  const at = `tools.${index}`;
  if (type !== "function" || !own) throw invalidRequest(`${at}: only tools of type "function" are supported.`, at);
  const { name, description, parameters } = own;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

function choiceOf(choice: Body["tool_choice"]): NonNullable<ChatParams["toolChoice"]> {
  if (choice === undefined || choice === "auto") return "auto";
  if (choice === "none" || choice === "required") return choice;
  if (typeof choice === "object") return { name: choice.function.name };
  throw invalidRequest(`tool_choice: ${JSON.stringify(choice)} is not supported.`, "tool_choice");
}

/** @param field where it is in the request. @throws ApiError 400 */
export function responseSchemaOf(
  format: z.output<typeof formatField>,
  field: string,
): Record<string, unknown> | undefined {
  switch (format?.type) {
    case undefined:
    case "text":
      return undefined;
    case "json_object":
      return format.schema ?? { type: "object" };
    case "json_schema":
      return format.json_schema?.schema ?? format.schema ?? { type: "object" };
    default:
      throw invalidRequest(`${field}: ${JSON.stringify(format?.type)} is not supported.`, field);
  }
}
