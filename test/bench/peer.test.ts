/** `flint bench --peer airllm` as far as it goes without an installation of some GB. */
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readGgufFileInfo } from "node-llama-cpp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { writeCheckpoint } from "../../cli/bench/airllm/checkpoint.js";
import { inCheckout, start } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";

let folder: string;
beforeEach(async () => {
  await mkdir(inCheckout("build/test-models"), { recursive: true });
  folder = await mkdtemp(inCheckout("build/test-models/peer-"));
});
afterEach(() => rm(folder, { recursive: true }));

const entries = z.record(
  z.string(),
  z.object({ dtype: z.string(), shape: z.array(z.number()), data_offsets: z.tuple([z.number(), z.number()]) }),
);

/** Tensors of all safetensors files, by name. */
async function readCheckpoint(checkpoint: string) {
  const tensors = new Map<string, { dtype: string; shape: number[]; data: Buffer; file: string }>();
  for (const file of await readdir(checkpoint)) {
    if (!file.endsWith(".safetensors")) continue;
    const bytes = await readFile(join(checkpoint, file));
    const start = 8 + Number(bytes.readBigUInt64LE());
    for (const [name, { dtype, shape, data_offsets }] of Object.entries(
      entries.parse(JSON.parse(bytes.toString("utf8", 8, start))),
    )) {
      const [from, to] = data_offsets;
      tensors.set(name, { dtype, shape, file, data: bytes.subarray(start + from, start + to) });
    }
  }
  return tensors;
}

/** Of the GGUF: the bytes of a tensor of `size` bytes. */
async function source(model: string, name: string, size: number): Promise<Buffer> {
  const { fullTensorInfo = [] } = await readGgufFileInfo(model);
  const at = fullTensorInfo.find((tensor) => tensor.name === name)?.fileOffset;
  const file = await open(model);
  const { buffer } = await file.read(Buffer.alloc(size), 0, size, Number(at));
  await file.close();
  return buffer;
}

test("the checkpoint has the weights of the model, a file for each module", async () => {
  const model = await syntheticModel("llama-bf16");
  const checkpoint = join(folder, "checkpoint");
  await writeCheckpoint(model, checkpoint, new AbortController().signal);
  const tensors = await readCheckpoint(checkpoint);
  expect(tensors.size).toBe(3 + 2 * 9);
  expect(new Set([...tensors.values()].map(({ file }) => file)).size).toBe(3 + 2);
  for (const [name, from, shape, dtype] of [
    ["model.embed_tokens.weight", "token_embd.weight", [1000, 256], "BF16"],
    ["model.layers.1.mlp.down_proj.weight", "blk.1.ffn_down.weight", [256, 512], "BF16"],
    ["model.layers.0.self_attn.v_proj.weight", "blk.0.attn_v.weight", [64, 256], "BF16"],
    ["model.norm.weight", "output_norm.weight", [256], "F32"],
  ] as const) {
    const tensor = tensors.get(name);
    expect(tensor).toMatchObject({ shape, dtype });
    expect(tensor?.data.equals(await source(model, from, tensor.data.length))).toBe(true);
  }
  // Of a head's 32 rows the even ones come first, then the odd ones.
  const keys = tensors.get("model.layers.1.self_attn.k_proj.weight")?.data ?? Buffer.alloc(0);
  const rows = await source(model, "blk.1.attn_k.weight", keys.length);
  const row = (bytes: Buffer, index: number) => bytes.subarray(512 * index, 512 * (index + 1));
  for (const [here, there] of [[0, 0], [1, 2], [16, 1], [31, 31], [33, 34], [48, 33]] as const) // biome-ignore format: pairs
    expect(row(keys, here).equals(row(rows, there))).toBe(true);
  const index: unknown = JSON.parse(await readFile(join(checkpoint, "model.safetensors.index.json"), "utf8"));
  expect(index).toEqual({ weight_map: Object.fromEntries([...tensors].map(([name, { file }]) => [name, file])) });
});

test("a quantized model leaves no checkpoint behind", async () => {
  const model = await syntheticModel("llama-iq4_xs");
  const written = writeCheckpoint(model, join(folder, "checkpoint"), new AbortController().signal);
  await expect(written).rejects.toThrow("is quantized");
  expect(await readdir(folder)).toEqual([]);
});

const bench = (env: NodeJS.ProcessEnv, ...args: string[]) =>
  start(["bench", "--peer", "airllm", ...args], { env: { XDG_CACHE_HOME: folder, ...env } }).ended;

test("without Python it says so, and makes nothing", async () => {
  const { status, stdout, stderr } = await bench({ PATH: folder });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/^flint: AirLLM needs Python 3\.11 or later with venv and pip: there is no python3 .*\n$/);
});

test.each([
  ["echo 3.9", "python3 is 3.9"],
  [`echo "ModuleNotFoundError: No module named 'ensurepip'" >&2; exit 1`, "python3 lacks ensurepip"],
])("a Python that %j is refused", async (script, why) => {
  await writeFile(join(folder, "python3"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const { status, stdout, stderr } = await bench({ PATH: folder });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toMatch(/^flint: AirLLM needs .*\n$/);
  expect(stderr).toContain(why);
});

test("a pip that fails is told in its own words, and leaves nothing", async () => {
  const pip = 'echo "ERROR: No matching distribution found for airllm" >&2; exit 1';
  const venv = `mkdir -p "$3/bin" && printf '%s\\n' '#!/bin/sh' '${pip}' > "$3/bin/python" && chmod +x "$3/bin/python"`;
  const script = `case "$1$2" in -mvenv) ${venv} ;; *) echo 3.12 ;; esac`;
  await writeFile(join(folder, "python3"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const { status, stderr } = await bench({ PATH: `${folder}:${process.env["PATH"]}` });
  expect(status).toBe(5);
  expect(stderr).toMatch(/flint: pip could not install AirLLM: No matching distribution found for airllm\n$/);
  expect(await readdir(join(folder, "flint"))).toEqual([]);
});

test.each([
  [["--peer", "vllm"], "airllm"],
  [["--peer", "airllm", "other.gguf"], "a model of its own"],
])("%j is refused", async (args, why) => {
  const { status, stdout, stderr } = await start(["bench", ...args]).ended;
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(why);
});
