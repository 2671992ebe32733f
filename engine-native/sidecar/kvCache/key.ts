/** What the bytes of a KV cache depend on, beside the tokens. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { LlamaModel } from "node-llama-cpp";
import type { EngineKind, Plan, Sparsity } from "../../../protocol/messages.js";
import { takesFlashAttention } from "../attention.js";
import { llamaCppRelease } from "../release.js";

export interface KeyParts {
  modelPath: string;
  model: LlamaModel;
  engine: EngineKind;
  sparsity: Sparsity;
  contextTokens: number;
  /** Of keys and values; absent: F16. */
  kvType?: Plan["kvType"];
}

/** Parts of a model's file that are looked at, and bytes of each: all of a large file takes minutes to read. */
const samples = 64;
const sampleBytes = 4096;

/** @returns a SHA-256, in hexadecimal digits. @throws the system's error where the model can't be read */
export async function keyOf({ modelPath, model, engine, sparsity, contextTokens, kvType }: KeyParts): Promise<string> {
  const { architectureMetadata } = model.fileInfo;
  const parts = {
    model: await modelDigest(modelPath),
    llamaCpp: llamaCppRelease(),
    engine,
    sparsity,
    types: [kvType ?? "F16", kvType ?? "F16"],
    flashAttention: takesFlashAttention(model),
    // A GPU computes with other bits.
    ...(model.gpuLayers > 0 && { gpuLayers: model.gpuLayers }),
    // Scaled positions may depend on the size of the context.
    ...(architectureMetadata.rope?.scaling && { contextTokens }),
  };
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** Tells model files apart by length, time and samples of all parts. */
async function modelDigest(modelPath: string): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(sampleBytes);
  for (const path of partsOf(modelPath)) {
    const file = await open(path, "r");
    try {
      const { size, mtimeNs } = await file.stat({ bigint: true });
      hash.update(`${size} ${mtimeNs}\n`);
      const last = Math.max(0, Number(size) - sampleBytes);
      for (let sample = 0; sample < samples; sample++) {
        const { bytesRead } = await file.read(buffer, 0, sampleBytes, Math.floor((last * sample) / (samples - 1)));
        hash.update(buffer.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }
  return hash.digest("hex");
}

/** As llama.cpp names the files of a split model, of which `modelPath` is the first. */
function partsOf(modelPath: string): string[] {
  const [end, , count] = /-(\d{5})-of-(\d{5})\.gguf$/.exec(modelPath) ?? [];
  if (end === undefined || count === undefined) return [modelPath];
  const start = modelPath.slice(0, -end.length);
  return Array.from(
    { length: Number(count) },
    (_, index) => `${start}-${`${index + 1}`.padStart(5, "0")}-of-${count}.gguf`,
  );
}
