/** `/completion` and `/infill` in llama-server's own form: what llama.vscode, llama.vim and others of its clients send. */
import type { Context } from "hono";
import * as z from "zod";
import type { CompleteParams, GenerationParams, GenerationResult } from "../protocol/messages.js";
import { promptField, promptParams, promptsOf } from "./completions.js";
import type { Ready } from "./engine.js";
import { invalidRequest } from "./errors.js";
import { complete, timingsOf } from "./generation.js";
import { bodyOf, generationParams, type SamplingFields, samplingFields } from "./requests.js";
import type { Server } from "./server.js";
import { eventStream } from "./stream.js";

const nativeFields = {
  ...samplingFields,
  /** Of generating, in milliseconds, from its first token: then the answer ends as it is, once it has a new line. */
  t_max_predict_ms: z.number().nullish(),
  /** Only these fields of the answer; `/` leads into objects. */
  response_fields: z.array(z.string()).nullish(),
};
const completionBody = z.object({ ...nativeFields, prompt: promptField });
const infillBody = z.object({
  ...nativeFields,
  input_prefix: z.string(),
  input_suffix: z.string(),
  /** Other files that may help, before the prefix. */
  input_extra: z.array(z.looseObject({ text: z.string(), filename: z.string().nullish() })).nullish(),
  /** The beginning of the line at the cursor. */
  prompt: z.string().nullish(),
});

type NativeBody = SamplingFields & Pick<z.output<typeof completionBody>, "t_max_predict_ms" | "response_fields">;
type Prompt = Omit<CompleteParams, keyof GenerationParams>;

export async function nativeCompletion(context: Context, server: Server): Promise<Response> {
  const body = await bodyOf(context, completionBody);
  const [prompt, ...others] = promptsOf(body.prompt);
  if (prompt === undefined || others.length > 0)
    throw invalidRequest("prompt: one at a time is supported here.", "prompt");
  return answer(context, server, body, (ready) => promptParams(ready, prompt));
}

export async function infill(context: Context, server: Server): Promise<Response> {
  const body = await bodyOf(context, infillBody);
  return answer(context, server, body, async ({ loaded }) => {
    if (!loaded.infill) throw invalidRequest("This model was not trained for fill-in-the-middle.");
    const files = (body.input_extra ?? []).map(({ filename, text }) => ({ name: filename ?? "", text }));
    const prefix = body.input_prefix + (body.prompt ?? "");
    return { prefix, suffix: body.input_suffix, ...(files.length > 0 ? { files } : {}) };
  });
}

async function answer(
  context: Context,
  server: Server,
  body: NativeBody,
  promptOf: (ready: Ready) => Promise<Prompt>,
): Promise<Response> {
  const model = await server.model(body.model);
  const { signal } = context.req.raw;
  const run = async (ready: Ready, onText: (text: string) => void) => {
    const params = { ...generationParams(body), ...(await promptOf(ready)) };
    // llama-server's 0: only read the prompt, so that it is in the cache.
    const onlyRead = body.n_predict === 0;
    const limit = new TimeLimit(body.t_max_predict_ms ?? 0);
    const ended = AbortSignal.any([signal, limit.signal]);
    const result = await complete(ready, params, ended, (told) => {
      if (told.kind !== "text" || onlyRead) return;
      limit.told(told.text);
      onText(told.text);
    });
    return report(onlyRead ? { ...result, text: "", tokens: [] } : result, ready);
  };
  if (!body.stream) {
    const result = await server.engine.use(model, signal, (ready) => run(ready, () => undefined));
    return context.json(picked(result, body.response_fields ?? undefined));
  }
  return eventStream(context, undefined, (send) =>
    server.engine.use(model, signal, async (ready) => {
      const result = await run(ready, (content) => {
        if (content !== "") send({ index: 0, content, tokens: [], stop: false });
      });
      send({ ...result, content: "" });
    }),
  );
}

/** As llama-server has it: reading the prompt does not count, and a line is not cut off. */
class TimeLimit {
  readonly #controller = new AbortController();
  #begun: number | undefined;
  #hasLine = false;

  /** @param ms 0 or less: none */
  constructor(private readonly ms: number) {}

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The answer grew by `text`. */
  told(text: string): void {
    const now = performance.now();
    this.#begun ??= now;
    this.#hasLine ||= text.includes("\n");
    if (this.ms > 0 && this.#hasLine && now - this.#begun > this.ms) this.#controller.abort();
  }
}

function report(result: GenerationResult, { loaded, model }: Ready) {
  const { text, tokens, promptTokens, finishReason } = result;
  const timings = timingsOf(result);
  return {
    index: 0,
    content: text,
    tokens,
    id_slot: 0,
    stop: true,
    model: model.id,
    tokens_predicted: tokens.length,
    tokens_evaluated: promptTokens.length,
    tokens_cached: promptTokens.length + tokens.length,
    truncated: false,
    stop_type: finishReason === "stop" ? "eos" : "limit",
    stopping_word: "",
    has_new_line: text.includes("\n"),
    generation_settings: { n_ctx: loaded.contextTokens },
    timings,
  };
}

/** As llama-server does it: the whole path is the name of the field. */
function picked(result: object, fields: readonly string[] | undefined): object {
  if (fields === undefined || fields.length === 0) return result;
  const at = (path: string) =>
    path
      .split("/")
      .reduce<unknown>(
        (value, name) => (typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined),
        result,
      );
  return Object.fromEntries(fields.map((path) => [path, at(path)]).filter(([, value]) => value !== undefined));
}
