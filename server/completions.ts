/** `/v1/completions`: text that goes on, or that stands in a gap. */
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import * as z from "zod";
import {
  type CompleteParams,
  type GenerationResult,
  type TokenLogprob,
  tokenizeRequest,
} from "../protocol/messages.js";
import type { Ready } from "./engine.js";
import { invalidRequest } from "./errors.js";
import { complete, timingsOf, usageOf } from "./generation.js";
import { completionLogprobs } from "./logprobs.js";
import { absent, bodyOf, generationParams, samplingFields } from "./requests.js";
import type { Server } from "./server.js";
import { eventStream } from "./stream.js";

const tokens = z.array(z.int().nonnegative()).min(1);
export const promptField = z.union([z.string(), tokens, z.array(z.union([z.string(), tokens])).min(1)]);

const completionBody = z.object({
  ...samplingFields,
  prompt: promptField,
  suffix: z
    .string()
    .nullish()
    .transform((value) => value ?? undefined),
  echo: z.boolean().nullish(),
  best_of: z.int().nullish(),
  /** With so many of the likeliest tokens. */
  logprobs: absent(z.int().min(0).max(5)),
});

/** OpenAI's own limit of what is generated where a request has none. */
const defaultTokens = 16;

export async function completions(context: Context, server: Server): Promise<Response> {
  const body = await bodyOf(context, completionBody);
  const { logprobs: top } = body;
  if (top !== undefined && body.echo) throw invalidRequest("logprobs: not of a prompt (echo).", "logprobs");
  if (body.best_of && body.best_of > 1) throw invalidRequest("best_of: only 1 is supported.", "best_of");
  const params = {
    maximumTokens: defaultTokens,
    ...generationParams(body),
    ...(top === undefined ? {} : { logprobs: top }),
  };
  const model = await server.model(body.model);
  const { signal } = context.req.raw;
  const head = {
    id: `cmpl-${randomUUID()}`,
    object: "text_completion",
    created: Math.floor(Date.now() / 1000),
    model: model.id,
  };
  const all = promptsOf(body.prompt);
  const run = async (ready: Ready, onText: (text: string, index: number, logprobs?: TokenLogprob[]) => void) => {
    const results: GenerationResult[] = [];
    for (const [index, prompt] of all.entries()) {
      const request = { ...params, ...(await promptParams(ready, prompt, body.suffix)) };
      const before = body.echo && typeof prompt === "string" ? prompt : "";
      if (before !== "") onText(before, index);
      const result = await complete(ready, request, signal, (told) => {
        if (told.kind === "text") onText(told.text, index, told.logprobs);
      });
      results.push({ ...result, text: before + result.text });
    }
    return results;
  };
  const choice = (index: number, text: string, finish_reason: string | null, logprobs?: TokenLogprob[], start = 0) => ({
    text,
    index,
    logprobs: completionLogprobs(logprobs, start),
    finish_reason,
  });
  if (!body.stream) {
    const results = await server.engine.use(model, signal, (ready) => run(ready, () => undefined));
    const choices = results.map((result, index) => choice(index, result.text, finishReason(result), result.logprobs));
    const [first] = results;
    return context.json({
      ...head,
      choices,
      usage: usageOf(results),
      ...(first && results.length === 1 ? { timings: timingsOf(first) } : {}),
    });
  }
  return eventStream(context, "[DONE]", (send) =>
    server.engine.use(model, signal, async (ready) => {
      const lengths = all.map(() => 0);
      const results = await run(ready, (text, index, logprobs) => {
        if (text === "") return;
        const start = lengths[index] ?? 0;
        send({ ...head, choices: [choice(index, text, null, logprobs, start)] });
        lengths[index] = start + text.length;
      });
      for (const [index, result] of results.entries()) {
        send({ ...head, choices: [choice(index, "", finishReason(result))] });
      }
      if (body.stream_options?.include_usage) send({ ...head, choices: [], usage: usageOf(results) });
    }),
  );
}

type Prompt = string | number[];

/** One or several, each text or tokens. */
export function promptsOf(prompt: z.output<typeof promptField>): Prompt[] {
  if (typeof prompt === "string") return [prompt];
  return prompt.every((each) => typeof each === "number")
    ? [prompt]
    : prompt.filter((each) => typeof each !== "number");
}

/**
 * A prompt for the engine. Without a suffix the names of special tokens in it are these tokens, as clients write templates and FIM
 * prompts into it by themselves.
 * @throws ApiError 400 for a suffix that the model cannot use
 */
export async function promptParams(
  { connection, loaded }: Ready,
  prompt: Prompt,
  suffix?: string,
): Promise<Pick<CompleteParams, "prefix" | "suffix" | "promptTokens">> {
  if (suffix !== undefined && suffix !== "") {
    if (!loaded.infill) throw invalidRequest("suffix: this model was not trained for fill-in-the-middle.", "suffix");
    if (typeof prompt !== "string") throw invalidRequest("suffix: the prompt must be text then.", "suffix");
    return { prefix: prompt, suffix };
  }
  if (typeof prompt !== "string") return { prefix: "", promptTokens: prompt };
  const { tokens } = await connection.sendRequest(tokenizeRequest, { text: prompt, specialTokens: true, start: true });
  return { prefix: "", promptTokens: tokens };
}

const finishReason = (result: GenerationResult) => (result.finishReason === "length" ? "length" : "stop");
