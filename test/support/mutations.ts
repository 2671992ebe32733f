/** Headers that contradict themselves or llama.cpp: by name, and at random. */
import type { GgufFile, GgufScalar, GgufType } from "./ggufFile.js";

/** A change that makes a model unusable. */
export interface Mutation {
  /** Of {@link mutationShapes}. */
  shape: MutationShape;
  change(file: GgufFile): void;
  /** What the refusal says. */
  says: RegExp;
}

/** Small models to change, as options of flint-synthesize. Each is some 100 kB, so that many can be loaded. */
export const mutationShapes = {
  llama: "--arch llama --layers 2 --embd 64 --heads 4 --kv-heads 2 --ff 128 --vocab-tokens 300 --context 512",
  arcee: "--arch arcee --layers 2 --embd 64 --heads 4 --kv-heads 2 --ff 128 --vocab-tokens 300 --context 512",
  qwen3: "--arch qwen3 --layers 2 --embd 64 --heads 4 --kv-heads 2 --ff 128 --vocab-tokens 300 --context 512",
  qwen3moe:
    "--arch qwen3moe --layers 2 --embd 64 --heads 4 --kv-heads 2 --ff 64 --experts 8 --experts-used 2 --vocab-tokens 300 --context 512",
  "gpt-oss":
    "--arch gpt-oss --layers 2 --embd 64 --heads 4 --kv-heads 2 --ff 64 --experts 8 --experts-used 2 --vocab-tokens 300 --context 512",
  plm: "--arch plm --layers 2 --embd 64 --heads 4 --kv-heads 4 --ff 128 --tied --vocab-tokens 300 --context 512",
  "deepseek2-ocr":
    "--arch deepseek2-ocr --layers 2 --embd 64 --heads 4 --kv-heads 4 --ff 64 --experts 8 --experts-used 2 --shared-experts 1 --vocab-tokens 300 --context 512",
  nemotron_h_moe:
    "--arch nemotron_h_moe --layers 3 --embd 64 --heads 4 --kv-heads 2 --ff 64 --experts 8 --experts-used 2 --shared-experts 1 --vocab-tokens 300 --context 512",
} as const;
export type MutationShape = keyof typeof mutationShapes;

const tokenizer = (name: string) => `tokenizer.ggml.${name}`;

function strings(file: GgufFile, name: string): GgufScalar[] {
  const value = file.find(name)?.value;
  if (!Array.isArray(value)) throw new Error(`${name} is no array`);
  return value;
}

const llama = (change: (file: GgufFile) => void, says: RegExp): Mutation => ({ shape: "llama", change, says });
const moe = (change: (file: GgufFile) => void, says: RegExp): Mutation => ({ shape: "qwen3moe", change, says });
const number =
  (name: string, value: GgufScalar | GgufScalar[], type?: GgufType, element?: GgufType) => (file: GgufFile) =>
    void file.set(name, value, type, element);
const without = (name: string) => (file: GgufFile) => void file.remove(name);
const withoutTensor = (name: string) => (file: GgufFile) => {
  file.tensors = file.tensors.filter((tensor) => tensor.name !== name);
  file.layOut();
};
const retyped = (name: string, type: number) => (file: GgufFile) => {
  file.tensor(name).type = type;
  file.layOut();
};

export const mutations: Record<string, Mutation> = {
  "no layers": llama(number("*.block_count", 0), /layers/),
  "513 layers": llama(number("*.block_count", 513), /layers/),
  "4 billion layers": llama(number("*.block_count", 0xffff_ffff), /layers/),
  "layers as text": llama(number("*.block_count", "2", "string"), /block_count/),
  "layers as an array": llama(number("*.block_count", [2], "array", "u32"), /block_count/),
  "layers not named": llama(without("*.block_count"), /block_count/),
  "more layers than there are tensors of": llama(number("*.block_count", 3), /blk\.2/),
  "no width": llama(number("*.embedding_length", 0), /embedding_length/),
  "width of 4 billion": llama(number("*.embedding_length", 0xffff_ffff), /embedding_length/),
  "width not named": llama(without("*.embedding_length"), /embedding_length/),
  "another width than that of the tensors": llama(number("*.embedding_length", 96), /token_embd/),
  "no context": llama(number("*.context_length", 0), /context_length/),
  "context not named": llama(without("*.context_length"), /context_length/),
  "no heads": llama(number("*.attention.head_count", 0), /head_count/),
  "no heads, one value a layer": llama(number("*.attention.head_count", [0, 0], "array", "u32"), /head_count/),
  "no heads in one layer": llama(number("*.attention.head_count", [4, 0], "array", "u32"), /head_count/),
  "heads not named": llama(without("*.attention.head_count"), /head_count/),
  "heads as a float": llama(number("*.attention.head_count", 4, "f32"), /head_count/),
  "heads of too few layers": llama(number("*.attention.head_count", [4], "array", "u32"), /head_count/),
  "heads that do not divide the width": llama(number("*.attention.head_count", 3), /head_count/),
  "4 billion heads": llama(number("*.attention.head_count", 0xffff_ffff), /head_count/),
  "no heads of keys": llama(number("*.attention.head_count_kv", 0), /head_count_kv/),
  "more heads of keys than heads": llama(number("*.attention.head_count_kv", 8), /head_count_kv/),
  "heads of keys that do not divide the heads": llama(number("*.attention.head_count_kv", 3), /head_count_kv/),
  "4 billion heads of keys": llama(number("*.attention.head_count_kv", 0xffff_ffff), /head_count_kv/),
  "keys of no width": llama(number("*.attention.key_length", 0), /key_length/),
  "values of no width": llama(number("*.attention.value_length", 0), /value_length/),
  "keys of another width than the tensors'": llama(number("*.attention.key_length", 32), /key_length|attn_/),
  "values of another width than the keys'": llama(number("*.attention.value_length", 8), /value_length|attn_/),
  "keys 4 billion wide": llama(number("*.attention.key_length", 0xffff_ffff), /key_length/),
  "no feed-forward block": llama(number("*.feed_forward_length", 0), /feed_forward_length/),
  "feed-forward block not named": llama(without("*.feed_forward_length"), /feed_forward_length/),
  "feed-forward block 4 billion wide": llama(number("*.feed_forward_length", 0xffff_ffff), /feed_forward_length/),
  "feed-forward block of another width than its tensors": llama(number("*.feed_forward_length", 64), /ffn_/),
  "epsilon not a number": llama(number("*.attention.layer_norm_rms_epsilon", Number.NaN, "f32"), /epsilon/),
  "epsilon negative": llama(number("*.attention.layer_norm_rms_epsilon", -1e-5, "f32"), /epsilon/),
  "epsilon infinite": llama(number("*.attention.layer_norm_rms_epsilon", Number.POSITIVE_INFINITY, "f32"), /epsilon/),
  "epsilon not named": llama(without("*.attention.layer_norm_rms_epsilon"), /epsilon/),
  "epsilon as text": llama(number("*.attention.layer_norm_rms_epsilon", "0", "string"), /epsilon/),
  "rotation of no dimensions": llama(number("*.rope.dimension_count", 0), /dimension_count/),
  "rotation of half a head": llama(number("*.rope.dimension_count", 8), /dimension_count/),
  "rotation of more than a head": llama(number("*.rope.dimension_count", 32), /dimension_count/),
  "rotation of an odd number of dimensions": llama(number("*.rope.dimension_count", 15), /dimension_count/),
  "rotation of another width than a head's, where the graph wants it": {
    shape: "arcee",
    change: number("*.rope.dimension_count", 8),
    says: /dimension_count/,
  },
  "rotation of more than a head, where it may be less": {
    shape: "gpt-oss",
    change: number("*.rope.dimension_count", 64),
    says: /dimension_count/,
  },
  "rotation whose base is not a number": llama(number("*.rope.freq_base", Number.NaN, "f32"), /freq_base/),
  "rotation whose base is 0": llama(number("*.rope.freq_base", 0, "f32"), /freq_base/),
  "rotation whose base is negative": llama(number("*.rope.freq_base", -1, "f32"), /freq_base/),
  "rotation scaled by what is not a number": llama(
    number("*.rope.scaling.factor", Number.NaN, "f32"),
    /scaling.factor/,
  ),
  "rotation scaled in an unknown way": llama(number("*.rope.scaling.type", "spiral", "string"), /scaling.type/),
  "more experts used than there are": moe(number("*.expert_used_count", 9), /expert_used_count/),
  "no experts used": moe(number("*.expert_used_count", 0), /expert_used_count/),
  "experts used not named": moe(without("*.expert_used_count"), /expert_used_count/),
  "no experts, of which some are used": moe(number("*.expert_count", 0), /expert/),
  "more experts than llama.cpp takes": moe(number("*.expert_count", 1025), /expert_count/),
  "other experts than the tensors'": moe(number("*.expert_count", 4), /ffn_/),
  "experts of no width": moe(number("*.expert_feed_forward_length", 0), /feed_forward_length/),
  "experts used where there are none": llama(number("*.expert_used_count", 2), /expert_used_count/),
  "as many groups of experts as experts": moe(number("*.expert_group_count", 8), /expert_group_count/),
  "groups that do not divide the experts": moe(
    (file) => void file.set("*.expert_group_count", 3).set("*.expert_group_used_count", 1),
    /expert_group_count/,
  ),
  "no groups of experts used": moe(number("*.expert_group_count", 2), /expert_group_used_count/),
  "layers for guessing beyond all": moe(number("*.nextn_predict_layers", 3), /nextn_predict_layers/),
  "an unknown tokenizer": llama(number(tokenizer("model"), "abacus", "string"), /tokenizer/),
  "no tokenizer": llama(without(tokenizer("model")), /tokenizer/),
  "a tokenizer named by a number": llama(number(tokenizer("model"), 1, "u32"), /tokenizer/),
  "a tokenizer that wants merges": llama(number(tokenizer("model"), "gpt2", "string"), /merges/),
  "an unknown way to split text": llama((file) => {
    file.set(tokenizer("model"), "gpt2", "string").set(tokenizer("merges"), ["a b"], "array", "string");
    file.set(tokenizer("pre"), "abacus", "string");
  }, /tokenizer/),
  "no tokens": llama(number(tokenizer("tokens"), [], "array", "string"), /tokens/),
  "tokens not named": llama(without(tokenizer("tokens")), /tokens/),
  "tokens as numbers": llama(number(tokenizer("tokens"), [1, 2, 3], "array", "u32"), /tokens/),
  "the same token twice": llama((file) => {
    strings(file, tokenizer("tokens"))[290] = strings(file, tokenizer("tokens"))[291] ?? "";
  }, /twice/),
  "the same token twice, one of them empty": llama((file) => {
    const tokens = strings(file, tokenizer("tokens"));
    tokens[290] = "";
    tokens[291] = "[EMPTY_290]";
  }, /twice/),
  "fewer scores than tokens": llama((file) => void strings(file, tokenizer("scores")).pop(), /scores/),
  "fewer kinds of tokens than tokens": llama((file) => void strings(file, tokenizer("token_type")).pop(), /token_type/),
  "scores as text": llama(number(tokenizer("scores"), ["a"], "array", "string"), /scores/),
  "scores as one number": llama(number(tokenizer("scores"), 1, "f32"), /scores/),
  "kinds of tokens as one number": llama(number(tokenizer("token_type"), 1, "u32"), /token_type/),
  "more tokens than rows of the embedding": llama((file) => {
    strings(file, tokenizer("tokens")).push("one more");
    strings(file, tokenizer("scores")).push(0);
    strings(file, tokenizer("token_type")).push(1);
  }, /token_embd/),
  "fewer tokens than rows of the embedding": llama((file) => {
    for (const name of ["tokens", "scores", "token_type"]) strings(file, tokenizer(name)).pop();
  }, /token_embd/),
  "a byte token that names no byte": llama((file) => {
    strings(file, tokenizer("tokens"))[13] = "<0";
  }, /tokens/),
  "a name that is no text": llama(number("general.name", 5, "u32"), /general.name/),
  "an unknown architecture": llama(number("general.architecture", "abacus", "string"), /architecture/),
  "an architecture that llama.cpp only quantizes": llama(number("general.architecture", "clip", "string"), /mmproj/),
  "a tensor with another shape": llama((file) => {
    file.tensor("blk.1.attn_q.weight").shape = [32, 128];
  }, /attn_q/),
  "a tensor that is missing": llama(withoutTensor("blk.1.attn_k.weight"), /attn_k/),
  "no embedding": llama(withoutTensor("token_embd.weight"), /token_embd/),
  "no last norm": llama(withoutTensor("output_norm.weight"), /output_norm/),
  "a norm in half precision": llama(retyped("output_norm.weight", 1), /output_norm/),
  "biases that are whole numbers": { shape: "gpt-oss", change: retyped("blk.0.ffn_gate_inp.bias", 24), says: /bias/ },
  "a matrix of whole numbers": llama(retyped("blk.0.ffn_up.weight", 25), /ffn_up/),
  "an embedding of whole numbers": llama(retyped("token_embd.weight", 26), /token_embd/),
  "a sliding window of text": {
    shape: "gpt-oss",
    change: number("*.attention.sliding_window", "8", "string"),
    says: /sliding_window/,
  },
  "no sliding window": { shape: "gpt-oss", change: without("*.attention.sliding_window"), says: /sliding_window/ },
  "a state of no width": { shape: "nemotron_h_moe", change: number("*.ssm.state_size", 0), says: /ssm/ },
  "no groups of states": { shape: "nemotron_h_moe", change: number("*.ssm.group_count", 0), says: /ssm/ },
  "a convolution of nothing": { shape: "nemotron_h_moe", change: number("*.ssm.conv_kernel", 0), says: /ssm/ },
  "no inner width": { shape: "nemotron_h_moe", change: number("*.ssm.inner_size", 0), says: /ssm/ },
  "no time steps": { shape: "nemotron_h_moe", change: number("*.ssm.time_step_rank", 0), says: /ssm/ },
  "feed-forward lengths of too few layers": {
    shape: "nemotron_h_moe",
    change: number("*.feed_forward_length", [64], "array", "u32"),
    says: /feed_forward_length/,
  },
  "a latent vector of no width": {
    shape: "plm",
    change: number("*.attention.kv_lora_rank", 0),
    says: /kv_lora_rank|attn_kv/,
  },
  "more dense layers than layers": {
    shape: "deepseek2-ocr",
    change: number("*.leading_dense_block_count", 5),
    says: /leading_dense|ffn_/,
  },
};

/** Numbers that headers rarely have. */
const oddNumbers = [
  0,
  1,
  2,
  3,
  5,
  7,
  9,
  15,
  31,
  33,
  127,
  255,
  256,
  511,
  512,
  513,
  1024,
  1025,
  65535,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];
const oddFloats = [
  0,
  -0,
  1,
  -1,
  1e-45,
  1e38,
  -1e38,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1e-5,
];

/** Gives numbers from 0 to below 1, the same ones for a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Changes one thing of a header. @returns what, in words */
export function mutate(file: GgufFile, random: () => number): string {
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(from: readonly T[]): T => {
    const picked = from[below(from.length)];
    if (picked === undefined) throw new Error("there is nothing to pick from");
    return picked;
  };
  const integers: GgufType[] = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"];
  const odd = (type: GgufType): GgufScalar => {
    if (type === "f32" || type === "f64") return pick(oddFloats);
    if (type === "bool") return random() < 0.5;
    if (type === "string") return pick(["", "\0", "abacus", "llama", "gpt2", "a".repeat(300), "<0x41>", "\xff\xfe"]);
    return pick(oddNumbers);
  };
  const value = pick(file.values);
  switch (below(12)) {
    case 0:
      file.remove(value.name);
      return `${value.name} removed`;
    case 1: {
      value.type = pick<GgufType>([...integers, "f32", "bool", "string", "f64"]);
      value.value = odd(value.type);
      return `${value.name} = ${value.type} ${value.value}`;
    }
    case 2: {
      const tensor = pick(file.tensors);
      const at = below(tensor.shape.length);
      const before = [...tensor.shape];
      const size = tensor.shape[at] ?? 1;
      tensor.shape[at] = pick([1, size - 1, Math.ceil(size / 2), size * 2, size + 1]);
      if (random() < 0.8) file.layOut();
      return `${tensor.name} ${before} = ${tensor.shape}`;
    }
    case 3: {
      const tensor = pick(file.tensors);
      const other = pick(file.tensors);
      [tensor.name, other.name] = [other.name, tensor.name];
      return `${tensor.name} and ${other.name} change places`;
    }
    case 4: {
      const tensor = pick(file.tensors);
      if (random() < 0.5) {
        tensor.type = pick([0, 1, 24, 25, 26, 27, 28, 30]);
        if (random() < 0.8) file.layOut();
        return `${tensor.name} has type ${tensor.type}`;
      }
      tensor.shape = random() < 0.5 ? [...tensor.shape, 1] : [tensor.shape.reduce((a, b) => a * b)];
      return `${tensor.name} is ${tensor.shape}`;
    }
    case 5: {
      const at = below(file.tensors.length);
      const [removed] = file.tensors.splice(at, 1);
      if (random() < 0.8) file.layOut();
      return `${removed?.name} removed`;
    }
    case 6: {
      if (!Array.isArray(value.value)) break;
      const { length } = value.value;
      if (random() < 0.4) value.value = value.value.slice(0, below(length));
      else if (random() < 0.5) value.value = [...value.value, ...value.value.slice(0, 1 + below(3))];
      else value.value[below(length)] = odd(value.element ?? "u32");
      return `${value.name} has ${value.value.length} of ${length}`;
    }
    default:
      break;
  }
  const scalars = file.values.filter((each) => !Array.isArray(each.value) && !each.name.startsWith("general.name"));
  const scalar = pick(scalars);
  if (integers.includes(scalar.type) && random() < 0.15) {
    const layers = Number(file.find(`${file.architecture}.block_count`)?.value ?? 2);
    const values = Array.from({ length: Math.min(layers, 100) }, () => pick(oddNumbers));
    Object.assign(scalar, { type: "array", element: "u32", value: values });
    return `${scalar.name} = [${values}]`;
  }
  scalar.value = odd(scalar.type);
  return `${scalar.name} = ${String(scalar.value).slice(0, 40)}`;
}
