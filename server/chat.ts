/** `/v1/chat/completions`. */
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import type { GenerationResult, TokenLogprob } from "../protocol/messages.js";
import { chat, timingsOf, usageOf } from "./generation.js";
import { chatLogprobs } from "./logprobs.js";
import { bodyOf, chatBody, chatParams } from "./requests.js";
import type { Server } from "./server.js";
import { eventStream } from "./stream.js";

export async function chatCompletions(context: Context, server: Server): Promise<Response> {
  const body = await bodyOf(context, chatBody);
  const params = chatParams(body);
  const model = await server.model(body.model);
  const { signal } = context.req.raw;
  const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: model.id };
  if (!body.stream) {
    const result = await server.engine.use(model, signal, (ready) => chat(ready, params, signal));
    return context.json({
      ...head,
      object: "chat.completion",
      choices: [
        {
          index: 0,
          message: messageOf(result),
          finish_reason: finishReason(result),
          logprobs: chatLogprobs(result.logprobs),
        },
      ],
      usage: usageOf([result]),
      timings: timingsOf(result),
    });
  }
  const withUsage = body.stream_options?.include_usage === true;
  const chunk = (delta: object, finish_reason: string | null = null, logprobs?: TokenLogprob[]) => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason, logprobs: chatLogprobs(logprobs) }],
    ...(withUsage ? { usage: null } : {}),
  });
  return eventStream(context, "[DONE]", (send) =>
    server.engine.use(model, signal, async (ready) => {
      let calls = 0;
      let begun = false;
      const begin = () => {
        if (!begun) send(chunk({ role: "assistant", content: "" }));
        begun = true;
      };
      const result = await chat(ready, params, signal, (told) => {
        if (told.kind !== "text" && told.kind !== "toolCall") return;
        begin();
        if (told.kind === "text") {
          if (told.text !== "") send(chunk({ content: told.text }, null, told.logprobs));
          return;
        }
        send(chunk({ tool_calls: [{ index: calls, ...functionOf(told.call) }] }));
        calls += 1;
      });
      begin();
      send({ ...chunk({}, finishReason(result)), ...(withUsage ? {} : { timings: timingsOf(result) }) });
      if (withUsage) {
        send({ ...chunk({}), choices: [], usage: usageOf([result]), timings: timingsOf(result) });
      }
    }),
  );
}

const functionOf = ({ id, name, arguments: args }: { id: string; name: string; arguments: string }) => ({
  id,
  type: "function",
  function: { name, arguments: args },
});

function messageOf({ text, toolCalls }: GenerationResult) {
  return {
    role: "assistant",
    content: toolCalls && text === "" ? null : text,
    refusal: null,
    ...(toolCalls ? { tool_calls: toolCalls.map(functionOf) } : {}),
  };
}

function finishReason({ finishReason, toolCalls }: GenerationResult): string {
  if (toolCalls) return "tool_calls";
  return finishReason === "length" ? "length" : "stop";
}
