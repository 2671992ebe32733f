/** `flint plan`: what a model needs, from its header alone. */
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { ResponseError } from "vscode-jsonrpc";
import { fetchHeaders, measureDisk, type Planner, planRemote } from "../models/gguf/remote.js";
import { defaultModelsFolder } from "../models/library/folder.js";
import { hubEndpoint } from "../models/sources/hub.js";
import { parseReference, type Reference } from "../models/sources/reference.js";
import { ErrorCode, type GpuShare, type Plan, planRequest } from "../protocol/messages.js";
import { formatAtLeast, formatSize } from "../protocol/size.js";
import { choose, environmentSources } from "./download.js";
import { type GpuOptions, withSidecar } from "./session.js";

export interface PlanOptions extends GpuOptions {
  ramCap: number;
  context?: number;
  draftModel?: string;
  inlineModel?: string;
  json?: boolean;
}

/** Prints the plan. @throws ResponseError DoesNotFit, after printing it; DownloadError for a model that is not here. */
export async function plan(model: string, options: PlanOptions, signal: AbortSignal): Promise<void> {
  const result = await withSidecar(async ({ connection }) => {
    const planner = (modelPath: string) =>
      connection.sendRequest(planRequest, {
        modelPath,
        ramCapBytes: options.ramCap,
        ...(options.context === undefined ? {} : { contextTokens: options.context }),
        ...(options.vramCap === undefined ? {} : { vramCapBytes: options.vramCap }),
        ...(options.draftModel === undefined ? {} : { draftModelPath: resolve(options.draftModel) }),
        ...(options.inlineModel === undefined ? {} : { inlineModelPath: resolve(options.inlineModel) }),
      });
    const reference = await referenceOf(model);
    return reference.kind === "file" ? planner(reference.path) : planReference(reference, planner, signal);
  }, options);
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : table(result));
  if (!result.fits) throw new ResponseError(ErrorCode.DoesNotFit, `${model} ${result.reason}`);
}

/** What is there by this name is meant, else a model that can be downloaded. */
async function referenceOf(model: string): Promise<Reference> {
  const path = resolve(model);
  const there = await access(path).then(
    () => true,
    () => false,
  );
  return there ? { kind: "file", path } : parseReference(model, { hubUrl: hubEndpoint(), folder: process.cwd() });
}

/** From the header alone, for the disk of the models folder. */
async function planReference(
  reference: Exclude<Reference, { kind: "file" }>,
  planner: Planner,
  signal: AbortSignal,
): Promise<Plan> {
  const sources = await environmentSources();
  const { record } = choose(await sources.find(reference, signal));
  const headers = await fetchHeaders(record, await sources.http(record.client), signal);
  return planRemote(record, headers, planner, () => measureDisk(defaultModelsFolder(), planner));
}

function table(plan: Plan): string {
  const rows: [string, string][] = [
    ["fits", plan.fits ? "yes" : "no"],
    ["speed", plan.estimatedTokensPerSecond ? `about ${plan.estimatedTokensPerSecond.toFixed(1)} tokens/s` : "unknown"],
    ["smallest cap", formatAtLeast(plan.minimumCapBytes)],
    ["largest context", `${plan.maximumContext.toLocaleString("en")} tokens`],
    ["context", `${plan.contextTokens.toLocaleString("en")} tokens`],
    ["weights in memory", formatSize(plan.weights.residentBytes + plan.weights.pinnedBytes)],
    ["weights from flash", formatSize(plan.weights.streamedBytes)],
    ...(plan.gpu ? gpuRows(plan.gpu) : []),
    ...(plan.gpuRefusal ? [["GPU", plan.gpuRefusal.reason] satisfies [string, string]] : []),
    ["KV cache", formatSize(plan.kvBytes) + (plan.kvType ? `, in ${plan.kvType}` : "")],
    ["compute buffers", formatSize(plan.computeBytes)],
    ["staging", formatSize(plan.stagingBytes)],
    ["process", formatSize(plan.processBytes)],
    ...(plan.draftBytes > 0 ? [["draft model", formatSize(plan.draftBytes)] satisfies [string, string]] : []),
    ...(plan.draftRefusal ? [["draft model", plan.draftRefusal.reason] satisfies [string, string]] : []),
    ...(plan.inlineBytes > 0 ? [["inline model", formatSize(plan.inlineBytes)] satisfies [string, string]] : []),
    ...(plan.inlineRefusal ? [["inline model", plan.inlineRefusal.reason] satisfies [string, string]] : []),
  ];
  return rows.map(([name, value]) => `${name.padEnd(20)}${value}\n`).join("");
}

function gpuRows({
  name,
  layers,
  ofLayers,
  expertLayers,
  weightBytes,
  kvBytes,
  computeBytes,
}: GpuShare): [string, string][] {
  const experts = expertLayers > 0 ? `, experts of ${expertLayers}` : "";
  return [
    ["GPU", name],
    ["layers on the GPU", `${layers} of ${ofLayers}${experts}`],
    ["weights on the GPU", formatSize(weightBytes)],
    ["KV cache there", formatSize(kvBytes)],
    ["buffers there", `about ${formatSize(computeBytes)}`],
  ];
}
