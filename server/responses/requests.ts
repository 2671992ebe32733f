/** What clients send to `/v1/responses`: the fields that are used, checked, and made a conversation for the engine. */
import * as z from "zod";
import type { ChatMessage, ChatParams } from "../../protocol/messages.js";
import { ApiError, invalidRequest } from "../errors.js";
import { absent, formatField, generationParams, responseSchemaOf, samplingFields } from "../requests.js";
import { customArguments, engineName, type ResponseTools, toolChoiceField, toolField } from "./tools.js";

const part = z.looseObject({ type: z.string(), text: absent(z.string()), refusal: absent(z.string()) });
const content = z.union([z.string(), z.array(part)]);
const item = z.looseObject({
  type: absent(z.string()),
  role: absent(z.string()),
  content: absent(content),
  call_id: absent(z.string()),
  name: absent(z.string()),
  namespace: absent(z.string()),
  arguments: absent(z.string()),
  input: absent(z.string()),
  output: absent(content),
});

export const responsesBody = z.object({
  ...samplingFields,
  input: z.union([z.string(), z.array(item).min(1)]),
  instructions: absent(z.string()),
  max_output_tokens: absent(z.int().positive()),
  tools: absent(z.array(toolField)),
  tool_choice: absent(toolChoiceField),
  parallel_tool_calls: absent(z.boolean()),
  text: absent(z.looseObject({ format: formatField })),
  reasoning: absent(z.looseObject({ effort: absent(z.string()) })),
  truncation: absent(z.enum(["auto", "disabled"])),
  include: absent(z.array(z.string())),
  top_logprobs: absent(z.int()),
  previous_response_id: absent(z.string()),
  conversation: z.unknown().optional(),
  prompt: z.unknown().optional(),
  background: absent(z.boolean()),
  metadata: absent(z.record(z.string(), z.string())),
  prompt_cache_key: absent(z.string()),
  safety_identifier: absent(z.string()),
  user: absent(z.string()),
});
export type ResponsesBody = z.output<typeof responsesBody>;

/** @throws ApiError 400 for what this server does not do */
export function responsesParams(body: ResponsesBody, tools: ResponseTools): ChatParams {
  refuse(body);
  const { tools: definitions, toolChoice } = tools.params;
  const mayCall = definitions !== undefined && toolChoice !== "none";
  const { format } = body.text ?? {};
  const responseSchema = mayCall ? undefined : responseSchemaOf(format, "text.format");
  const { max_output_tokens: limit } = body;
  return {
    ...generationParams({ ...body, ...(limit === undefined ? {} : { max_completion_tokens: limit }) }),
    messages: messagesOf(body),
    whole: body.truncation !== "auto",
    ...(definitions && toolChoice ? { tools: definitions, toolChoice } : {}),
    ...(body.parallel_tool_calls === undefined ? {} : { parallelToolCalls: body.parallel_tool_calls }),
    ...(responseSchema === undefined ? {} : { responseSchema }),
    ...(body.reasoning?.effort === "none" ? { thinking: false } : {}),
  };
}

function refuse(body: ResponsesBody): void {
  if (body.previous_response_id !== undefined) {
    throw new ApiError(
      400,
      "invalid_request_error",
      "previous_response_id: this server keeps no responses. Send the whole conversation as input.",
      "previous_response_not_found",
      "previous_response_id",
    );
  }
  const none = (field: string, why: string) => invalidRequest(`${field}: ${why}`, field);
  if (body.conversation != null) throw none("conversation", "this server keeps none. Send all of it as input.");
  if (body.prompt != null) throw none("prompt", "this server keeps no prompts. Send the text as input.");
  if (body.background) throw none("background", "not supported: responses are answered at once or streamed.");
  if (body.top_logprobs) throw none("top_logprobs", "not supported.");
  if (body.include?.includes("message.output_text.logprobs")) throw none("include", "logprobs: not supported.");
}

function messagesOf({ instructions, input }: ResponsesBody): ChatMessage[] {
  const messages: ChatMessage[] = instructions === undefined ? [] : [{ role: "system", text: instructions }];
  if (typeof input === "string") return [...messages, { role: "user", text: input }];
  for (const [index, each] of input.entries()) add(messages, each, `input.${index}`);
  return messages;
}

function add(messages: ChatMessage[], each: z.output<typeof item>, at: string): void {
  switch (each.type) {
    case undefined:
    case "message":
      messages.push({ role: roleOf(each.role, at), text: textOf(each.content, `${at}.content`) });
      return;
    case "function_call":
      addCall(messages, each, each.arguments ?? "{}", at);
      return;
    case "custom_tool_call":
      addCall(messages, each, customArguments(each.input ?? ""), at);
      return;
    case "function_call_output":
    case "custom_tool_call_output":
      messages.push({ role: "tool", text: textOf(each.output, `${at}.output`), toolCallId: each.call_id ?? "" });
      return;
    case "reasoning":
      // No template wants earlier thoughts.
      return;
    case "item_reference":
      throw invalidRequest(`${at}: this server keeps no items. Send the item itself.`, at);
    default:
      throw invalidRequest(`${at}: items of type ${JSON.stringify(each.type)} are not supported.`, at);
  }
}

/** Calls that follow each other, or a text, are of one message. */
function addCall(messages: ChatMessage[], each: z.output<typeof item>, args: string, at: string): void {
  if (each.name === undefined) throw invalidRequest(`${at}.name: is missing.`, at);
  const call = {
    id: each.call_id ?? at,
    name: engineName({ name: each.name, namespace: each.namespace }),
    arguments: args,
  };
  const last = messages.at(-1);
  if (last?.role === "assistant") last.toolCalls = [...(last.toolCalls ?? []), call];
  else messages.push({ role: "assistant", text: "", toolCalls: [call] });
}

function roleOf(role: string | undefined, at: string): "system" | "user" | "assistant" {
  if (role === "user" || role === "assistant" || role === "system") return role;
  if (role === "developer") return "system";
  throw invalidRequest(`${at}.role: ${JSON.stringify(role)} is not supported.`, at);
}

function textOf(content: z.output<typeof item>["content"], at: string): string {
  if (content === undefined || typeof content === "string") return content ?? "";
  return content
    .map(({ type, text, refusal }) => {
      const said = type === "refusal" ? refusal : type.endsWith("text") ? text : undefined;
      if (said !== undefined) return said;
      throw invalidRequest(`${at}: parts of type ${JSON.stringify(type)} are not supported, only text.`, at);
    })
    .join("");
}
