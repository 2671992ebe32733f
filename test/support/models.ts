/** The models that the tests load: synthetic ones, written once and kept in build/test-models. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, rename, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { inCheckout } from "./flint.js";

const tool = inCheckout("build/native/native-tests/flint-synthesize");
const folder = inCheckout("build/test-models");

/** A file of llama.cpp's own tests, with a vocabulary only. */
export const vocabulary = (name: string): string => inCheckout(`build/llama.cpp/models/ggml-vocab-${name}.gguf`);

/**
 * Shapes by name. Small enough to be written in a second, large enough that each layer has something to stream.
 *
 * Their types stand for families of kernels. The native tests compare all types.
 */
const shapes = {
  /** Grouped-query attention and SwiGLU, as Llama 3. */
  "llama-iq4_xs":
    "--arch llama --type IQ4_XS --layers 6 --embd 512 --heads 8 --kv-heads 2 --ff 1536 --vocab-tokens 8000",
  /** Biases on the queries, keys and values; one matrix for embedding and output. */
  "qwen2-q5_0":
    "--arch qwen2 --type Q5_0 --layers 6 --embd 512 --heads 8 --kv-heads 2 --ff 1536 --tied --vocab-tokens 8000",
  /** No gate: up, the square of ReLU, down. */
  "arcee-f16": "--arch arcee --type F16 --layers 6 --embd 512 --heads 8 --kv-heads 4 --ff 1536 --vocab-tokens 8000",
  /** The same without a gate, most neurons inactive; norms without and with biases. */
  "arcee-sparse":
    "--arch arcee --type F16 --layers 3 --embd 256 --heads 4 --kv-heads 4 --ff 768 --active 10 --residual 30 --vocab-tokens 8000",
  "nemotron-sparse":
    "--arch nemotron --type F16 --layers 3 --embd 256 --heads 4 --kv-heads 4 --ff 768 --active 10 --residual 30 --vocab-tokens 8000",
  /** The same, and biases on the neurons. */
  "jais2-sparse":
    "--arch jais2 --type F16 --layers 3 --embd 256 --heads 4 --kv-heads 4 --ff 768 --active 10 --residual 30 --vocab-tokens 8000",
  /** Latent attention; half of the neurons active, as it cannot have an output matrix that lets others be inactive. */
  "plm-f16": "--arch plm --type F16 --layers 3 --embd 256 --heads 4 --kv-heads 4 --ff 768 --tied --vocab-tokens 8000",
  /** A mixture of experts. */
  "qwen3moe-iq4_xs":
    "--arch qwen3moe --type IQ4_XS --layers 6 --embd 512 --heads 8 --kv-heads 2 --ff 256 --experts 32 --experts-used 4 --vocab-tokens 8000",
  /** With the whole vocabulary, small beside the starter model. */
  "draft-q8_0": "--arch llama --type Q8_0 --layers 2 --embd 256 --heads 8 --kv-heads 4 --ff 512",
  /** With the vocabulary of StarCoder, which has the tokens for an infill. */
  "llama-infill": "--arch llama --type IQ4_XS --layers 2 --embd 256 --heads 4 --kv-heads 2 --ff 768",
  /** Made for long contexts, of which keys and values take more than the weights. */
  "llama-long":
    "--arch llama --type IQ4_XS --layers 4 --embd 512 --heads 8 --kv-heads 8 --ff 512 --context 16384 --vocab-tokens 8000",
  /** As programs have it that read no GGUF. */
  "llama-bf16": "--arch llama --type BF16 --layers 2 --embd 256 --heads 8 --kv-heads 2 --ff 512 --vocab-tokens 1000",
} as const;
export type ShapeName = keyof typeof shapes;

/** Where it is not that of Llama 2. */
const vocabularies: Partial<Record<ShapeName, string>> = { "llama-infill": "starcoder" };

const modified = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

/**
 * The path of a synthetic model of this shape, with the vocabulary of Llama 2 as a rule. The same bytes every time.
 * @param parts files that it is split into: the path is the first one's
 */
export async function syntheticModel(name: ShapeName, parts = 1): Promise<string> {
  const shape = shapes[name];
  const digest = createHash("sha256").update(shape).digest("hex").slice(0, 8);
  const base = `${folder}/${name}-${digest}`;
  const path = partsOf(base, parts)[0];
  if ((await modified(path)) > (await modified(tool))) return path;
  await mkdir(folder, { recursive: true });
  // Another worker may write the same model now: the last one to finish wins, with the same bytes.
  const temporary = `${base}.${process.pid}`;
  const options = [
    ...shape.split(" "),
    "--vocab",
    vocabulary(vocabularies[name] ?? "llama-spm"),
    "--parts",
    `${parts}`,
  ];
  await promisify(execFile)(tool, [...options, "--out", `${temporary}.gguf`]);
  const written = partsOf(temporary, parts);
  for (const [index, part] of partsOf(base, parts).entries()) await rename(written[index] ?? "", part);
  return path;
}

/** As llama.cpp names them. */
function partsOf(base: string, parts: number): [string, ...string[]] {
  const named = (index: number) => `${base}-${`${index + 1}`.padStart(5, "0")}-of-${`${parts}`.padStart(5, "0")}.gguf`;
  return parts === 1 ? [`${base}.gguf`] : [named(0), ...Array.from({ length: parts - 1 }, (_, i) => named(i + 1))];
}
