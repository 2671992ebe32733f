/** AirLLM on the processor, as {@link Peer} of our engine: the same weights, the same prompt. */
import { execFile } from "node:child_process";
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as z from "zod";
import type { Peer } from "../compare.js";
import { type Run, withUsage } from "../run.js";
import { writeCheckpoint } from "./checkpoint.js";
import type { Environment } from "./environment.js";

const script = fileURLToPath(new URL("../cli/bench/airllm/generate.py", import.meta.url));

/** What generate.py prints. */
const result = z.strictObject({
  tokens: z.array(z.int()).min(2),
  timeToFirstTokenMs: z.number(),
  msPerToken: z.number().positive(),
  readBytesPerToken: z.number().exactOptional(),
  residentPeakBytes: z.int(),
});

const printed = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "no JSON" });
      return z.NEVER;
    }
  })
  .pipe(result);

/** @param model a Llama in F16 or BF16, beside which its checkpoint is written where it is missing */
export async function airllm({ python, version }: Environment, model: string, signal: AbortSignal): Promise<Peer> {
  const checkpoint = model.replace(/\.gguf$/, ".checkpoint");
  await access(checkpoint).catch(() => {
    process.stderr.write("Writing the model as AirLLM reads it\n");
    return writeCheckpoint(model, checkpoint, signal);
  });
  const names = await readdir(checkpoint);
  return {
    name: `AirLLM ${version}`,
    files: names.filter((name) => name.endsWith(".safetensors")).map((name) => join(checkpoint, name)),
    async run(promptTokens, tokens, cgroup, signal) {
      const words = [python, script, checkpoint, `${tokens}`, ...promptTokens.map(String)];
      const [command = "", ...args] = [...(cgroup?.launcher ?? []), ...words];
      // Its libraries look for newer files on the network, and it takes a GPU where there is one.
      const env = { ...process.env, HF_HUB_OFFLINE: "1", CUDA_VISIBLE_DEVICES: "" };
      try {
        const { stdout } = await promisify(execFile)(command, args, { env, signal, killSignal: "SIGKILL" });
        return await withUsage(parseRun(stdout, promptTokens), cgroup, undefined);
      } catch (error) {
        signal.throwIfAborted();
        return await withUsage(failure(error), cgroup, signalOf(error));
      }
    },
  };
}

/** Of the last line; what comes before is AirLLM's own. @throws when that is no result */
export function parseRun(stdout: string, promptTokens: readonly number[]): Run {
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  const { data } = printed.safeParse(last);
  if (!data) throw new Error(`AirLLM printed no result but ${JSON.stringify(last.slice(0, 80))}`);
  return { outcome: "done", promptTokens: [...promptTokens], ...data };
}

const signalOf = (error: unknown): string | undefined =>
  error instanceof Error && "signal" in error && typeof error.signal === "string" ? error.signal : undefined;

/** Python's last line says what went wrong. */
function failure(error: unknown): Run {
  const message = error instanceof Error ? error.message : String(error);
  return { outcome: "failed", reason: message.trimEnd().split("\n").at(-1) ?? message };
}
