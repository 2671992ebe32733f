/** `/v1/responses`: what `/v1/chat/completions` does, in the form of OpenAI's newer API. Nothing is stored. */
import type { Context } from "hono";
import { toApiError } from "../errors.js";
import { chat } from "../generation.js";
import { bodyOf } from "../requests.js";
import type { Server } from "../server.js";
import { eventStream } from "../stream.js";
import { ResponseAnswer, type ResponseEvent } from "./answer.js";
import { responsesBody, responsesParams } from "./requests.js";
import { ResponseTools } from "./tools.js";

export async function responses(context: Context, server: Server): Promise<Response> {
  const body = await bodyOf(context, responsesBody);
  const tools = new ResponseTools(body.tools ?? [], body.tool_choice);
  const params = responsesParams(body, tools);
  const model = await server.model(body.model);
  const { signal } = context.req.raw;
  const run = (answer: ResponseAnswer) =>
    server.engine.use(model, signal, async (ready) =>
      answer.end(await chat(ready, params, signal, (told) => answer.tell(told))),
    );
  if (!body.stream) return context.json(await run(new ResponseAnswer(body, model.id, tools, () => undefined)));
  return eventStream(context, undefined, async (send) => {
    let begun = false;
    const answer = new ResponseAnswer(body, model.id, tools, (event: ResponseEvent) => {
      begun = true;
      send(event, event.type);
    });
    try {
      await run(answer);
    } catch (error) {
      // Before the first event it is an answer with a status.
      if (!begun) throw error;
      answer.fail(toApiError(error));
    }
  });
}
