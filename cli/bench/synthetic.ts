/** Models for those who give none: random weights of a real shape, good for speed and bytes. Only in a checkout. */
import { execFile } from "node:child_process";
import { access, mkdir, rename, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { UsageError } from "../exit.js";

const build = fileURLToPath(new URL("../build/", import.meta.url));

/**
 * `large` has the shape of Llama 3 8B, 4.2 GiB; `small` is 0.8 GiB, for machines that have little disk or time. Those in
 * BF16 are for programs that read no GGUF: 8 layers of the 8B shape, 5.2 GiB, and 1.6 GiB. `sparse`
 * has the shape of AFM-4.5B, 2.4 GiB and with what it is converted to 6.6; of its neurons 5% are active.
 */
const shapes = {
  "large-q4_0":
    "--arch llama --type Q4_0 --layers 32 --embd 4096 --heads 32 --kv-heads 8 --ff 14336 --context 8192 --vocab llama-bpe",
  "small-q4_0":
    "--arch llama --type Q4_0 --layers 24 --embd 2048 --heads 32 --kv-heads 8 --ff 8192 --context 4096 --vocab llama-spm",
  "large-bf16":
    "--arch llama --type BF16 --layers 8 --embd 4096 --heads 32 --kv-heads 8 --ff 14336 --context 8192 --vocab llama-bpe",
  "small-bf16":
    "--arch llama --type BF16 --layers 12 --embd 2048 --heads 32 --kv-heads 8 --ff 8192 --context 4096 --vocab llama-spm",
  "sparse-q4_0":
    "--arch arcee --type Q4_0 --layers 36 --embd 2560 --heads 20 --kv-heads 4 --head-width 128 --ff 18432 --context 4096 --active 5 --residual 10 --vocab llama-bpe",
  "sparse-small-q4_0":
    "--arch arcee --type Q4_0 --layers 24 --embd 1536 --heads 12 --kv-heads 4 --ff 12288 --context 4096 --active 5 --residual 10 --vocab llama-spm",
} as const;

/** Path of a synthetic model; it is written where it is missing. @throws UsageError outside of a checkout. */
export async function syntheticModel(name: keyof typeof shapes, signal: AbortSignal): Promise<string> {
  const path = `${build}bench-models/${/arch (\w+)/.exec(shapes[name])?.[1]}-${name}.gguf`;
  if (await exists(path)) return path;
  const tool = `${build}native/native-tests/flint-synthesize`;
  if (!(await exists(tool))) {
    throw new UsageError("give a model; the tool that makes synthetic ones is built in a checkout, by npm test");
  }
  const shape = shapes[name].replace(/--vocab (\S+)/, `--vocab ${build}llama.cpp/models/ggml-vocab-$1.gguf`);
  const temporary = `${path}.${process.pid}`;
  await mkdir(`${build}bench-models`, { recursive: true });
  try {
    await promisify(execFile)(tool, [...shape.split(" "), "--out", temporary], { signal });
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  return path;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
