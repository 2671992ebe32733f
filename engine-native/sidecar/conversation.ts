/** From the messages of a client to the history that node-llama-cpp knows: a call stands beside its result there. */
import type { ChatHistoryItem, ChatModelFunctionCall, ChatModelResponse } from "node-llama-cpp";
import { engineError } from "../../protocol/errors.js";
import { type ChatMessage, ErrorCode } from "../../protocol/messages.js";

/** @throws ResponseError InvalidArgument where a result belongs to no call before it. */
export function chatHistory(messages: readonly ChatMessage[]): ChatHistoryItem[] {
  const history: ChatHistoryItem[] = [];
  const calls = new Map<string, ChatModelFunctionCall>();
  for (const { role, text, toolCalls, toolCallId } of messages) {
    if (role === "system" || role === "user") {
      history.push({ type: role, text });
      continue;
    }
    if (role === "tool") {
      const call = calls.get(toolCallId ?? "");
      if (!call) {
        const message = `messages have the result of the tool call ${JSON.stringify(toolCallId ?? "")}, which no message before it has.`;
        throw engineError(ErrorCode.InvalidArgument, message);
      }
      call.result = text;
      continue;
    }
    const { response } = openModelItem(history);
    if (text !== "") response.push(text);
    for (const [index, { id, name, arguments: args }] of (toolCalls ?? []).entries()) {
      const call: ChatModelFunctionCall = {
        type: "functionCall",
        name,
        params: parsed(args),
        result: undefined,
        ...(index === 0 ? { startsNewChunk: true } : {}),
      };
      calls.set(id, call);
      response.push(call);
    }
  }
  return history;
}

/** The history with an answer that goes on after this text. */
export function withAnswer(history: readonly ChatHistoryItem[], text: string): ChatHistoryItem[] {
  const last = history.at(-1);
  const response = text === "" ? [] : [text];
  if (last?.type !== "model") return [...history, { type: "model", response }];
  return [...history.slice(0, -1), { ...last, response: [...last.response, ...response] }];
}

/** The answer at the end of the history. What follows a result goes on in the same one. */
function openModelItem(history: ChatHistoryItem[]): ChatModelResponse {
  const last = history.at(-1);
  if (last?.type === "model") return last;
  const item: ChatModelResponse = { type: "model", response: [] };
  history.push(item);
  return item;
}

/** Arguments that another model has written need not be JSON. */
function parsed(args: string): unknown {
  try {
    return JSON.parse(args);
  } catch {
    return args;
  }
}
