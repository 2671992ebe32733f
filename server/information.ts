/** What a client asks before it asks for answers: models, limits, tokens. */
import type { Context } from "hono";
import * as z from "zod";
import { detokenizeRequest, renderPromptRequest, tokenizeRequest } from "../protocol/messages.js";
import type { ServedEngine } from "./engine.js";
import { bodyOf, conversationOf, templateBody } from "./requests.js";
import type { ServedModel } from "./servedModels.js";
import type { Server } from "./server.js";

export async function listModels(context: Context, server: Server): Promise<Response> {
  const models = await server.models.list();
  return context.json({ object: "list", data: models.map((model) => describe(model, server.engine.ready)) });
}

export async function oneModel(context: Context, server: Server): Promise<Response> {
  const model = await server.models.find(context.req.param("model"), undefined);
  return context.json(describe(model, server.engine.ready));
}

function describe({ id, path, created }: ServedModel, ready: ServedEngine["ready"]) {
  const loaded = ready?.model.path === path ? ready.loaded : undefined;
  return {
    id,
    object: "model",
    created,
    owned_by: "flint",
    status: { value: loaded ? "loaded" : "unloaded" },
    ...(loaded ? { max_model_len: loaded.contextTokens, meta: { n_ctx: loaded.contextTokens } } : {}),
  };
}

/** llama-server's description of a model; loads it, as its limits depend on the memory. */
export async function props(context: Context, server: Server): Promise<Response> {
  const model = await server.model(context.req.query("model"));
  return server.engine.consult(model, context.req.raw.signal, async ({ loaded }) =>
    context.json({
      default_generation_settings: { n_ctx: loaded.contextTokens, params: { temperature: 0 } },
      total_slots: 1,
      model_alias: model.id,
      model_path: model.path,
      modalities: { vision: false, audio: false },
      chat_template_caps: { supports_tools: loaded.toolsRefusal === undefined },
      /** Whether /infill works. */
      supports_infill: loaded.infill,
      ...(loaded.toolsRefusal === undefined ? {} : { tools_refusal: loaded.toolsRefusal }),
      build_info: `flint ${server.version}`,
    }),
  );
}

const modelField = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

const tokenizeBody = z.object({
  model: modelField,
  content: z.string(),
  add_special: z.boolean().nullish(),
  parse_special: z.boolean().nullish(),
  with_pieces: z.boolean().nullish(),
});

export async function tokenize(context: Context, server: Server): Promise<Response> {
  const body = await bodyOf(context, tokenizeBody);
  const model = await server.model(body.model);
  return server.engine.consult(model, context.req.raw.signal, async ({ connection }) => {
    const { tokens } = await connection.sendRequest(tokenizeRequest, {
      text: body.content,
      specialTokens: body.parse_special ?? true,
      start: body.add_special ?? false,
    });
    if (!body.with_pieces) return context.json({ tokens });
    const pieces = await Promise.all(
      tokens.map(async (id) => {
        const { text: piece } = await connection.sendRequest(detokenizeRequest, { tokens: [id] });
        return { id, piece };
      }),
    );
    return context.json({ tokens: pieces });
  });
}

const detokenizeBody = z.object({ model: modelField, tokens: z.array(z.int().nonnegative()) });

export async function detokenize(context: Context, server: Server): Promise<Response> {
  const body = await bodyOf(context, detokenizeBody);
  const model = await server.model(body.model);
  return server.engine.consult(model, context.req.raw.signal, async ({ connection }) => {
    const { text: content } = await connection.sendRequest(detokenizeRequest, { tokens: body.tokens });
    return context.json({ content });
  });
}

/** A conversation as the model's chat template writes it. Nothing is evaluated. */
export async function applyTemplate(context: Context, server: Server): Promise<Response> {
  const body = await bodyOf(context, templateBody);
  const params = conversationOf(body);
  const model = await server.model(body.model);
  return server.engine.consult(model, context.req.raw.signal, async ({ connection }) => {
    const { text: prompt } = await connection.sendRequest(renderPromptRequest, params);
    return context.json({ prompt });
  });
}
