/** The engine's messages and tools as OpenAI's API has them, and its stream as one answer. */
import * as l10n from "@vscode/l10n";
import type OpenAI from "openai";
import type { ChatMessage, ToolCall } from "../../../protocol/messages.js";
import type { ChatEvents, ChatRequest, ThoughtProgress } from "../backend.js";
import { RemoteError } from "./errors.js";

type Params = OpenAI.ChatCompletionCreateParamsStreaming;

export function toParams(model: string, request: ChatRequest): Params {
  const { messages, temperature, maximumTokens, tools = [], toolChoice } = request;
  return {
    model,
    messages: messages.map(toMessage),
    stream: true,
    ...(temperature === undefined ? {} : { temperature }),
    ...(maximumTokens === undefined ? {} : { max_tokens: maximumTokens }),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map((tool) => ({ type: "function" as const, function: { ...tool } })),
          tool_choice:
            typeof toolChoice === "object"
              ? { type: "function" as const, function: { name: toolChoice.name } }
              : (toolChoice ?? ("auto" as const)),
        }),
  };
}

function toMessage({ role, text, toolCalls = [], toolCallId = "" }: ChatMessage): OpenAI.ChatCompletionMessageParam {
  if (role === "tool") return { role, content: text, tool_call_id: toolCallId };
  if (role !== "assistant" || toolCalls.length === 0) return { role, content: text };
  const calls = toolCalls.map(({ id, name, arguments: args }) => ({
    id,
    type: "function" as const,
    function: { name, arguments: args },
  }));
  return { role, content: text === "" ? null : text, tool_calls: calls };
}

export interface Streamed {
  text: string;
  finishReason: "stop" | "length";
  toolCalls: ToolCall[];
  /** Pieces of text: about as many as tokens. */
  pieces: number;
  /** Absent where the model did not think, or the server does not tell. */
  thought?: ThoughtProgress;
}

/** What a model thinks is no part of OpenAI's API: vLLM and llama-server name it in the first way, Ollama in the second. */
function thoughtOf(delta: object): string {
  const found = ["reasoning_content", "reasoning"].map((name): unknown => Reflect.get(delta, name));
  return found.find((text) => typeof text === "string") ?? "";
}

/** Reads an answer to its end. @throws RemoteError for one that ends without saying so, or with a call that is no JSON */
export async function readStream(
  stream: AsyncIterable<OpenAI.ChatCompletionChunk>,
  events: ChatEvents,
  host: string,
): Promise<Streamed> {
  const calls = new Map<number, ToolCall>();
  let text = "";
  let pieces = 0;
  let thought: ThoughtProgress | undefined;
  let thoughtFrom = 0;
  let finish: string | undefined;
  for await (const { choices } of stream) {
    const [choice] = choices ?? [];
    if (!choice) continue;
    const { content, tool_calls = [] } = choice.delta ?? {};
    const thinks = thoughtOf(choice.delta ?? {});
    if (thinks !== "") {
      const now = performance.now();
      if (!thought) thoughtFrom = now;
      const [tokens, durationMs] = [(thought?.tokens ?? 0) + 1, now - thoughtFrom];
      thought = { text: (thought?.text ?? "") + thinks, tokens, durationMs };
      events.onThought?.({ text: thinks, tokens, durationMs });
    }
    if (content) {
      text += content;
      pieces += 1;
      events.onText(content);
    }
    for (const { index, id, function: called } of tool_calls) {
      const call = calls.get(index) ?? { id: id ?? `call_${index}`, name: "", arguments: "" };
      call.name += called?.name ?? "";
      call.arguments += called?.arguments ?? "";
      calls.set(index, call);
    }
    finish = choice.finish_reason ?? finish;
  }
  if (finish === undefined) {
    throw new RemoteError(l10n.t("{0} stopped in the middle of its answer. Ask again.", host));
  }
  const toolCalls = [...calls.values()].map((call) => checked(call, host));
  for (const call of toolCalls) events.onToolCall?.(call);
  return {
    text,
    finishReason: finish === "length" ? "length" : "stop",
    toolCalls,
    pieces,
    ...(thought && { thought }),
  };
}

function checked(call: ToolCall, host: string): ToolCall {
  const args = call.arguments.trim() === "" ? "{}" : call.arguments;
  try {
    JSON.parse(args);
  } catch {
    throw new RemoteError(
      l10n.t("The model of {0} called {1} with parameters that are not JSON. Ask again.", host, call.name),
    );
  }
  return { ...call, arguments: args };
}
