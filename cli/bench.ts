/** `flint bench`: our engine beside stock llama.cpp and the least that this machine allows, in one run. */
import { existsSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, resolve } from "node:path";
import { cancelledBy } from "../protocol/client.js";
import { engineError } from "../protocol/errors.js";
import { convertRequest, ErrorCode, type Plan, type PlanParams, planRequest } from "../protocol/messages.js";
import { environment } from "./bench/airllm/environment.js";
import { airllm } from "./bench/airllm/peer.js";
import { type BusyComparison, busyTable, compareBusy } from "./bench/busy.js";
import { busyChart, chart } from "./bench/chart.js";
import { type Comparison, compare } from "./bench/compare.js";
import { canKeepPlainWeights, type Run } from "./bench/run.js";
import { compareSparse, type SparseCase, type SparseComparison, sourceOf, sparseTable } from "./bench/sparse.js";
import { syntheticModel } from "./bench/synthetic.js";
import { table } from "./bench/table.js";
import type { Cap } from "./cap.js";
import { UsageError } from "./exit.js";
import { type GpuOptions, librariesFor, withSidecar } from "./session.js";
import { readText } from "./text.js";

export interface BenchOptions extends GpuOptions {
  /** Absent: half of each model. */
  ramCap?: Cap[];
  tokens: number;
  runs: number;
  context: number;
  promptFile?: string;
  draftModel?: string;
  small?: boolean;
  peer?: "airllm";
  sparse?: boolean;
  /** Other processes. */
  busy?: number;
  chart?: string;
  json?: boolean;
}

/** Prints a table, or one JSON object. @throws UsageError; ResponseError DoesNotFit before anything is measured. */
export async function bench(models: string[], options: BenchOptions, signal: AbortSignal): Promise<void> {
  if (options.tokens < 2) throw new UsageError("--tokens must be at least 2: the first is not measured");
  if (options.peer && models.length > 0) throw new UsageError("--peer measures a model of its own: name no other");
  const peer = options.peer && (await environment(signal));
  const size = (options.small ?? process.env["CI"] !== undefined) ? "small" : "large";
  if (options.busy !== undefined && (options.peer || options.sparse)) {
    throw new UsageError("--busy is measured alone: without --peer and --sparse");
  }
  if (options.peer && options.sparse) throw new UsageError("--peer and --sparse measure models of their own: give one");
  const synthetic = () =>
    options.sparse
      ? sparseModel(size === "small", signal)
      : syntheticModel(`${size}-${peer ? "bf16" : "q4_0"}`, signal);
  const paths = models.length > 0 ? models : [await synthetic()];
  if (options.busy !== undefined) return await benchBusy(paths, options, options.busy, signal);
  const cases = [];
  const sparseCases = [];
  for (const model of paths) {
    const source = sourceOf(resolve(model));
    const files = await modelFiles(source ?? resolve(model));
    for (const cap of options.ramCap ?? [{ percent: 50 }]) {
      if (source === undefined) cases.push(await planned(model, files, cap, options, signal));
      else sparseCases.push(await plannedSparse(resolve(model), source, files, cap, options, signal));
    }
  }
  const sparse: SparseComparison[] = [];
  for (const work of sparseCases) {
    const name = basename(work.modelPath);
    const onRun = (way: string, index: number, run: Run) => report(`${name}, ${way} ${index + 1}/${work.runs}`, run);
    const comparison = await compareSparse(work, onRun, signal);
    sparse.push(comparison);
    if (!options.json) process.stdout.write(sparseTable(comparison));
  }
  const comparisons: Comparison[] = [];
  for (const { work, modelBytes } of cases) {
    const comparison = await compare(
      peer ? { ...work, peer: await airllm(peer, work.modelPath, signal) } : work,
      modelBytes,
      (engine, index, run) => report(`${basename(work.modelPath)}, ${engine} ${index + 1}/${work.runs}`, run),
      signal,
    );
    comparisons.push(comparison);
    if (!options.json) process.stdout.write(`${table(comparison)}\n`);
  }
  if (options.chart !== undefined) await writeFile(options.chart, chart(comparisons));
  if (options.json)
    process.stdout.write(`${JSON.stringify(sparse.length > 0 ? { comparisons, sparse } : { comparisons })}\n`);
}

/** Room for all of a model in any layout, its context and the process, where no cap is given. */
const wholeCap = (modelBytes: number): Cap => ({ bytes: 2 * modelBytes + 2 ** 30 });

async function benchBusy(paths: string[], options: BenchOptions, busy: number, signal: AbortSignal): Promise<void> {
  const cases = [];
  for (const model of paths) {
    const files = await modelFiles(resolve(model));
    for (const cap of options.ramCap ?? [wholeCap(files.bytes)]) {
      const { files: _, ...work } = (await planned(model, files, cap, options, signal)).work;
      cases.push({ ...work, plainWeights: false, busy });
    }
  }
  const comparisons: BusyComparison[] = [];
  for (const work of cases) {
    const comparison = await compareBusy(
      work,
      availableParallelism(),
      (engine, index, run) => report(`${basename(work.modelPath)}, ${engine} ${index + 1}/${work.runs}`, run),
      signal,
    );
    comparisons.push(comparison);
    if (!options.json) process.stdout.write(`${busyTable(comparison)}\n`);
  }
  if (options.chart !== undefined) await writeFile(options.chart, busyChart(comparisons));
  if (options.json) process.stdout.write(`${JSON.stringify({ busy: comparisons })}\n`);
}

function report(name: string, run: Run): void {
  const result = run.outcome === "done" ? `${run.msPerToken.toFixed(1)} ms/token` : run.outcome;
  process.stderr.write(`${name}: ${result}\n`);
}

/** Path of a converted synthetic model. */
async function sparseModel(small: boolean, signal: AbortSignal): Promise<string> {
  const source = await syntheticModel(small ? "sparse-small-q4_0" : "sparse-q4_0", signal);
  const path = source.replace(/\.gguf$/, "-flash.gguf");
  if (!existsSync(path)) {
    process.stderr.write(`converting ${source}\n`);
    await withSidecar(({ connection }) =>
      cancelledBy(signal, ({ token }) => connection.sendRequest(convertRequest, { modelPath: source }, token)),
    );
    signal.throwIfAborted();
  }
  return path;
}

const capOf = (cap: Cap, bytes: number) => ("bytes" in cap ? cap.bytes : Math.round((bytes * cap.percent) / 100));

/** @throws ResponseError DoesNotFit */
async function planFor(params: PlanParams, gpu: GpuOptions["gpu"] = "off"): Promise<Plan> {
  const plan = await withSidecar(({ connection }) => connection.sendRequest(planRequest, params), { gpu });
  if (!plan.fits) throw engineError(ErrorCode.DoesNotFit, `${params.modelPath} ${plan.reason}`);
  return plan;
}

async function plannedSparse(
  modelPath: string,
  sourcePath: string,
  source: { files: string[]; bytes: number },
  cap: Cap,
  { context: contextTokens, tokens, runs }: BenchOptions,
  signal: AbortSignal,
): Promise<SparseCase> {
  signal.throwIfAborted();
  const ramCapBytes = capOf(cap, source.bytes);
  const { minimumCapBytes } = await planFor({ modelPath: sourcePath, ramCapBytes, contextTokens });
  for (const sparsity of ["exact", "predict"] as const) {
    await planFor({ modelPath, ramCapBytes, contextTokens, sparsity });
  }
  return {
    modelPath,
    sourcePath,
    files: [...source.files, modelPath, modelPath.replace(/\.gguf$/, ".flash")],
    sourceBytes: source.bytes,
    ramCapBytes,
    leastCapBytes: minimumCapBytes,
    contextTokens,
    tokens,
    plainWeights: canKeepPlainWeights(),
    runs,
  };
}

async function planned(
  model: string,
  { files, bytes }: { files: string[]; bytes: number },
  cap: Cap,
  { context, tokens, runs, draftModel, promptFile, gpu, vramCap }: BenchOptions,
  signal: AbortSignal,
) {
  signal.throwIfAborted();
  const ramCapBytes = capOf(cap, bytes);
  const params = {
    ...{ modelPath: resolve(model), ramCapBytes, contextTokens: context },
    ...(draftModel !== undefined && { draftModelPath: resolve(draftModel) }),
    ...(vramCap !== undefined && { vramCapBytes: vramCap }),
  };
  const plan = await planFor(params, gpu);
  const libraries = await librariesFor({ gpu });
  const prompt = promptFile === undefined ? undefined : await readText(promptFile);
  const allResident = plan.weights.streamedBytes + plan.weights.rowReadBytes === 0;
  const plainWeights = !allResident && canKeepPlainWeights();
  return {
    work: {
      ...{ ...params, tokens, plainWeights, runs, files },
      ...(prompt !== undefined && { prompt }),
      ...(libraries && { gpu: libraries }),
    },
    modelBytes: bytes,
  };
}

/** All files of a model, of which `path` is the first, and their size. A file that is missing is the engine's to tell. */
async function modelFiles(path: string): Promise<{ files: string[]; bytes: number }> {
  const [, before, count] = /^(.*-)00001-of-(\d{5})\.gguf$/.exec(path) ?? [];
  const files =
    before === undefined
      ? [path]
      : Array.from({ length: Number(count) }, (_, i) => `${before}${`${i + 1}`.padStart(5, "0")}-of-${count}.gguf`);
  let bytes = 0;
  for (const file of files) bytes += await sizeOf(file);
  return { files, bytes };
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    throw engineError(ErrorCode.NotAModel, error);
  }
}
