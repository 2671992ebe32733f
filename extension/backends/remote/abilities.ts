/** What another machine's engine can do: asked, not assumed. */
import * as z from "zod";
import type { RemoteClient } from "./client.js";
import { notOpenAi, RemoteError } from "./errors.js";

export interface RemoteModel {
  id: string;
  /** Prompt and answer together, in tokens; undefined where the server does not say. */
  contextTokens: number | undefined;
}

export interface Abilities {
  contextTokens: number | undefined;
  /** It has llama-server's `/infill`. */
  infill: boolean;
  /** How it counts tokens: as llama-server or as vLLM; undefined where it does not. */
  tokenizer: "llama-server" | "vllm" | undefined;
  /** Why it should not be given to agents; undefined where it does not say so. */
  toolsRefusal: string | undefined;
}

const positive = z.number().int().positive();
/** In the words of vLLM, of LM Studio and SGLang, of llama-server. */
const modelSchema = z.looseObject({
  id: z.string().min(1),
  max_model_len: positive.nullish().catch(undefined),
  context_length: positive.nullish().catch(undefined),
  loaded_context_length: positive.nullish().catch(undefined),
  meta: z
    .looseObject({ n_ctx: positive.nullish().catch(undefined) })
    .nullish()
    .catch(undefined),
});
const propsSchema = z.looseObject({
  default_generation_settings: z.looseObject({ n_ctx: positive.nullish() }),
  supports_infill: z.boolean().nullish(),
  tools_refusal: z.string().nullish(),
});
const llamaTokens = z.looseObject({ tokens: z.array(z.unknown()) });
const vllmTokens = z.looseObject({ count: z.number() });

/** @throws as OpenAI's library */
export async function listModels({ openai, host }: RemoteClient, signal: AbortSignal): Promise<RemoteModel[]> {
  const { data } = await openai.models.list({ signal, timeout: 10_000 });
  if (!Array.isArray(data)) throw new RemoteError(notOpenAi(host));
  return data.flatMap((each) => {
    const checked = modelSchema.safeParse(each);
    if (!checked.success) return [];
    const { id, max_model_len, loaded_context_length, context_length, meta } = checked.data;
    const contextTokens = loaded_context_length ?? max_model_len ?? meta?.n_ctx ?? context_length ?? undefined;
    return [{ id, contextTokens }];
  });
}

/** Where a server does not answer one of the questions, the ability is not there. @throws as `fetch` where it cannot be reached */
export async function abilitiesOf(client: RemoteClient, model: RemoteModel, signal: AbortSignal): Promise<Abilities> {
  const query = `?model=${encodeURIComponent(model.id)}`;
  const props = propsSchema.safeParse(await client.question(`/props${query}`, signal));
  if (props.success) {
    const { default_generation_settings: settings, supports_infill, tools_refusal } = props.data;
    return {
      contextTokens: settings.n_ctx ?? model.contextTokens,
      infill: supports_infill ?? (await hasInfill(client, model, signal)),
      tokenizer: "llama-server",
      toolsRefusal: tools_refusal ?? undefined,
    };
  }
  const counted = await client.question("/tokenize", signal, { model: model.id, prompt: "a" });
  const tokenizer = vllmTokens.safeParse(counted).success ? "vllm" : undefined;
  return { contextTokens: model.contextTokens, infill: false, tokenizer, toolsRefusal: undefined };
}

/** llama-server has the route whatever the model is: it refuses where the model has no tokens for it. */
async function hasInfill(client: RemoteClient, { id }: RemoteModel, signal: AbortSignal): Promise<boolean> {
  const probe = { model: id, input_prefix: "", input_suffix: "", n_predict: 0 };
  return (await client.question("/infill", signal, probe)) !== undefined;
}

/** @returns undefined where the server cannot count */
export async function countRemoteTokens(
  client: RemoteClient,
  model: string,
  tokenizer: Abilities["tokenizer"],
  text: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (tokenizer === "llama-server") {
    const counted = llamaTokens.safeParse(await client.question("/tokenize", signal, { model, content: text }));
    return counted.success ? counted.data.tokens.length : undefined;
  }
  if (tokenizer !== "vllm") return undefined;
  const counted = vllmTokens.safeParse(await client.question("/tokenize", signal, { model, prompt: text }));
  return counted.success ? counted.data.count : undefined;
}
