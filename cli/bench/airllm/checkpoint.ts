/** A Llama in GGUF as the checkpoint that Hugging Face's libraries load: the same weights, bit for bit. */
import { createWriteStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import * as z from "zod";

/** What is used of a GGUF header. Rows are along the first dimension. */
const header = z
  .object({
    metadata: z.object({
      "llama.block_count": z.number(),
      "llama.context_length": z.number(),
      "llama.embedding_length": z.number(),
      "llama.feed_forward_length": z.number(),
      "llama.attention.head_count": z.number(),
      "llama.attention.head_count_kv": z.number(),
      "llama.attention.key_length": z.number(),
      "llama.attention.layer_norm_rms_epsilon": z.number(),
      "llama.rope.freq_base": z.number(),
    }),
    /** Where tensors begin, in bytes; the offset of each counts from there. */
    tensorDataOffset: z.coerce.number(),
    tensorInfos: z.array(
      z.object({
        name: z.string(),
        shape: z.array(z.coerce.number()),
        dtype: z.number(),
        offset: z.coerce.number(),
      }),
    ),
  })
  .transform(({ metadata, tensorDataOffset, tensorInfos }) => ({
    metadata,
    tensors: tensorInfos.map((tensor) => ({ ...tensor, offset: tensorDataOffset + tensor.offset })),
  }));
type Header = z.infer<typeof header>;
type Tensor = Header["tensors"][number];

/** Of each type by ggml's number: its name in a safetensors file and its bytes. */
const types = new Map([
  [0, { name: "F32", bytes: 4 }],
  [1, { name: "F16", bytes: 2 }],
  [30, { name: "BF16", bytes: 2 }],
]);

/** Of a layer: names there and here. */
const layerNames: Record<string, string> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};
const otherNames: Record<string, string> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

/**
 * Writes the checkpoint, one file for each module, which is how AirLLM keeps models. Its tokenizer knows no words: it is
 * for programs that are given token ids.
 * @param folder appears only when it is whole
 * @throws when the model is no Llama in F32, F16 or BF16
 */
export async function writeCheckpoint(model: string, folder: string, signal: AbortSignal): Promise<void> {
  const { gguf } = await import("@huggingface/gguf");
  const parsed = header.parse(await gguf(model, { allowLocalFile: true }));
  const modules = new Map<string, Tensor[]>();
  for (const tensor of parsed.tensors)
    modules.set(moduleOf(tensor.name), [...(modules.get(moduleOf(tensor.name)) ?? []), tensor]);
  const temporary = `${folder}.${process.pid}`;
  const source = await open(model);
  try {
    await mkdir(temporary, { recursive: true });
    const index: Record<string, string> = {};
    let number = 0;
    for (const tensors of modules.values()) {
      const file = weightsFile(++number, modules.size);
      for (const { name } of tensors) index[parameterName(name)] = file;
      await writeWeights(join(temporary, file), source, tensors, parsed.metadata, signal);
    }
    const texts = { ...configuration(parsed), "model.safetensors.index.json": { weight_map: index } };
    for (const [name, content] of Object.entries(texts))
      await writeFile(join(temporary, name), JSON.stringify(content));
    await rename(temporary, folder);
  } finally {
    await source.close();
    await rm(temporary, { recursive: true, force: true });
  }
}

const weightsFile = (number: number, count: number) =>
  `model-${`${number}`.padStart(5, "0")}-of-${`${count}`.padStart(5, "0")}.safetensors`;

/** `blk.3.attn_q.weight` as `model.layers.3.self_attn.q_proj.weight`. */
function parameterName(name: string): string {
  const [, layer, inLayer, other] = /^(?:blk\.(\d+)\.(\w+)|(\w+))\.weight$/.exec(name) ?? [];
  const known = inLayer === undefined ? otherNames[other ?? ""] : layerNames[inLayer];
  if (known === undefined) throw new Error(`a Llama has no ${name}`);
  return `${layer === undefined ? known : `model.layers.${layer}.${known}`}.weight`;
}

/** The module that a tensor is loaded with: a layer, or itself. */
const moduleOf = (name: string) => /^blk\.\d+\./.exec(name)?.[0] ?? name;

/** A safetensors file: the length of its header, the header (JSON), the data. */
async function writeWeights(
  path: string,
  source: FileHandle,
  tensors: readonly Tensor[],
  metadata: Header["metadata"],
  signal: AbortSignal,
): Promise<void> {
  const entries: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = {};
  let size = 0;
  for (const tensor of tensors) {
    const { dtype, bytes } = layout(tensor);
    const shape = tensor.shape.toReversed();
    entries[parameterName(tensor.name)] = { dtype, shape, data_offsets: [size, size + bytes] };
    size += bytes;
  }
  const text = JSON.stringify(entries);
  const padded = Buffer.from(text.padEnd(8 * Math.ceil(text.length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = createWriteStream(path, { signal });
  const written = finished(file);
  file.write(length);
  file.write(padded);
  for (const tensor of tensors) {
    const { bytes } = layout(tensor);
    let data = Buffer.alloc(bytes);
    // One read of the system gives 2 GiB at most.
    for (let at = 0; at < bytes; ) {
      const { bytesRead } = await source.read(data, at, Math.min(bytes - at, 1 << 30), tensor.offset + at);
      if (bytesRead === 0) throw new Error(`${tensor.name} is cut short`);
      at += bytesRead;
    }
    const heads =
      metadata[/attn_q\./.test(tensor.name) ? "llama.attention.head_count" : "llama.attention.head_count_kv"];
    if (/attn_[qk]\./.test(tensor.name)) data = halved(data, heads, metadata["llama.attention.key_length"]);
    await new Promise<void>((resolve, reject) => {
      file.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }
  file.end();
  await written;
}

function layout({ name, shape, dtype }: Tensor): { dtype: string; bytes: number } {
  const type = types.get(dtype);
  if (!type) throw new Error(`${name} is quantized: AirLLM is given F32, F16 or BF16`);
  return { dtype: type.name, bytes: shape.reduce((product, length) => product * length, type.bytes) };
}

/** Positions turn pairs of a head's rows: neighbours in llama.cpp, in Hugging Face's Llama a row of each half. */
function halved(data: Buffer, heads: number, headWidth: number): Buffer<ArrayBuffer> {
  const rowBytes = data.length / (heads * headWidth);
  const half = headWidth / 2;
  const result = Buffer.alloc(data.length);
  for (let row = 0; row < heads * headWidth; row++) {
    const inHead = row % headWidth;
    const from = row - inHead + 2 * (inHead % half) + Math.floor(inHead / half);
    data.copy(result, row * rowBytes, from * rowBytes, (from + 1) * rowBytes);
  }
  return result;
}

function configuration({ metadata, tensors }: Header): Record<string, unknown> {
  const embedding = tensors.find(({ name }) => name === "token_embd.weight");
  return {
    "config.json": {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      torch_dtype: embedding && types.get(embedding.dtype)?.name === "BF16" ? "bfloat16" : "float16",
      hidden_size: metadata["llama.embedding_length"],
      intermediate_size: metadata["llama.feed_forward_length"],
      num_hidden_layers: metadata["llama.block_count"],
      num_attention_heads: metadata["llama.attention.head_count"],
      num_key_value_heads: metadata["llama.attention.head_count_kv"],
      head_dim: metadata["llama.attention.key_length"],
      rms_norm_eps: metadata["llama.attention.layer_norm_rms_epsilon"],
      rope_theta: metadata["llama.rope.freq_base"],
      max_position_embeddings: metadata["llama.context_length"],
      vocab_size: embedding?.shape[1],
      tie_word_embeddings: false,
      // It never stops by itself.
      bos_token_id: null,
      eos_token_id: null,
    },
    "tokenizer_config.json": { tokenizer_class: "PreTrainedTokenizerFast" },
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: "WordLevel", vocab: { unknown: 0 }, unk_token: "unknown" },
    },
  };
}
