/** The command line as a person runs it: the built one, in a process of its own. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { Plan } from "../../protocol/messages.js";

/** Path of a file of the checkout. */
export const inCheckout = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** How a command ended. Of `status` and `signal` one is null. */
export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A command that runs: `output` is its standard output, `ended` never rejects. */
export interface Running {
  process: ChildProcessByStdio<null, Readable, Readable>;
  ended: Promise<Ended>;
}

/**
 * Starts `flint …`. `ownGroup` makes it the leader of a process group, as a shell does with what a person types; `env` is
 * added to the environment.
 */
export function start(
  args: readonly string[],
  { ownGroup = false, env = {} }: { ownGroup?: boolean; env?: NodeJS.ProcessEnv } = {},
): Running {
  const child = spawn(process.execPath, [inCheckout("dist/flint.js"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: ownGroup,
    env: { ...process.env, ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
  return { process: child, ended };
}

/** Runs `flint …` to its end. */
export const flint = (...args: string[]): Promise<Ended> => start(args).ended;

const bytes = z.int().nonnegative();
const count = z.int().nonnegative();
const milliseconds = z.number().nonnegative();

/** `plan --json`: what the design names, and what protocol/messages.ts adds. */
export const planReport = z.strictObject({
  fits: z.boolean(),
  minimumCapBytes: bytes,
  maximumContext: count,
  contextTokens: count,
  weights: z.strictObject({
    residentBytes: bytes,
    pinnedBytes: bytes,
    streamedBytes: bytes,
    rowReadBytes: bytes,
    expertCacheBytes: bytes,
    neuronCacheBytes: bytes,
  }),
  kvBytes: bytes,
  kvType: z.literal("Q8_0").exactOptional(),
  computeBytes: bytes,
  stagingBytes: bytes,
  draftBytes: z.int(),
  draftRefusal: z.strictObject({ reason: z.string().min(1) }).exactOptional(),
  inlineBytes: bytes,
  inlineRefusal: z.strictObject({ reason: z.string().min(1), minimumCapBytes: bytes.exactOptional() }).exactOptional(),
  processBytes: bytes,
  estimatedTokensPerSecond: z.number().positive().exactOptional(),
  measured: z
    .strictObject({
      diskBytesPerSecond: z.number().positive(),
      computeBytesPerSecond: z.number().positive(),
      checkBytesPerSecond: z.number().positive(),
      usedBytesPerToken: z.number().positive(),
      readBytesPerToken: z.number().nonnegative(),
    })
    .exactOptional(),
  gpu: z
    .strictObject({
      name: z.string().min(1),
      layers: count,
      ofLayers: count,
      expertLayers: count,
      weightBytes: bytes,
      kvBytes: bytes,
      computeBytes: bytes,
    })
    .exactOptional(),
  gpuRefusal: z.strictObject({ reason: z.string().min(1) }).exactOptional(),
  reason: z.string().min(1).exactOptional(),
}) satisfies z.ZodType<Plan>;

/** What flash did in it: no field more and none less. */
export const flashReport = z.strictObject({
  readBytes: bytes,
  readBytesPerToken: z.number().nonnegative(),
  wastedBytesPerToken: z.number().nonnegative(),
  readsPerToken: z.number().nonnegative(),
  firstLayerMs: z.number().positive().exactOptional(),
  diskBytesPerSecond: z.number().positive().exactOptional(),
  hitRate: z.number().min(0).max(1),
});

/** `run --json`: no field more and none less. */
export const runReport = z.strictObject({
  model: z.string().min(1),
  tokens: z.array(count),
  text: z.string(),
  promptTokens: z.array(count),
  /** With --kv-cache. */
  cachedPromptTokens: count.exactOptional(),
  loadMs: milliseconds,
  timeToFirstTokenMs: milliseconds,
  msPerToken: z.strictObject({ mean: milliseconds, median: milliseconds, p95: milliseconds }),
  tokensPerSecond: z.number().nonnegative(),
  memory: z.strictObject({ capBytes: bytes, peakBytes: bytes }),
  flash: flashReport,
  plan: planReport.nullable(),
  finishReason: z.enum(["stop", "length", "cancelled"]),
});

/** The object on the last line of a command's output. @throws when the command failed or printed anything else. */
export function report<Schema extends z.ZodType>(schema: Schema, { status, stdout, stderr }: Ended): z.infer<Schema> {
  if (status !== 0) throw new Error(`flint ended with status ${status}: ${stderr}`);
  return schema.parse(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
}

/** `flint run MODEL … --json`. */
export const runModel = async (model: string, ...args: string[]) =>
  report(runReport, await flint("run", model, ...args, "--json"));

/** `flint plan MODEL … --json`, of a model that fits. */
export const planModel = async (model: string, ...args: string[]) =>
  report(planReport, await flint("plan", model, ...args, "--json"));
