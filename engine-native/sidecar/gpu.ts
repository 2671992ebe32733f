/** A GPU beside the processor: llama.cpp's libraries for it, and the room that it has for a model. */
import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as l10n from "@vscode/l10n";
import type { Llama } from "node-llama-cpp";
import { type GpuLibraries, gpuPackages } from "../../protocol/gpu.js";

/** What a plan needs to know of a GPU. */
export interface GpuRoom {
  name: string;
  /** That a model may take. */
  bytes: number;
  /** They are the processor's memory, and count against the cap. */
  unified: boolean;
}

/** Of a request for a plan: the GPU to plan with; or why there is none though one was asked for, in words. */
export interface GpuChoice {
  gpu?: GpuRoom | undefined;
  gpuRefusal?: string | undefined;
}

/** Of a GPU's memory, what is left to drivers, to other programs, and to buffers of llama.cpp that no plan knows of. */
const reservedShare = 0.08;
const leastReserve = 256 * 1024 ** 2;
const mostReserve = 1.5 * 1024 ** 3;

/** Where packages are found that node-llama-cpp imports by their names: not beside it, but where they were fetched to. */
const resolver = `
let packages;
export const initialize = (data) => { packages = new Map(data); };
export const resolve = (specifier, context, next) => {
  const url = packages.get(specifier);
  return url === undefined ? next(specifier, context) : { url, format: "module", shortCircuit: true };
};`;

/** Has node-llama-cpp find these libraries. */
export function offerLibraries({ kind, folder }: GpuLibraries): void {
  const packages = gpuPackages(kind).map((name) => [name, pathToFileURL(join(folder, name, "dist/index.js")).href]);
  register(`data:text/javascript,${encodeURIComponent(resolver)}`, { data: packages });
}

/**
 * @param capBytes the most that a model may take
 * @param ownBytes that a loaded model has, which is unloaded before the next one comes
 */
export async function roomOf(llama: Llama, capBytes = Number.POSITIVE_INFINITY, ownBytes = 0): Promise<GpuRoom> {
  const { total, free, unifiedSize } = await llama.getVramState();
  const reserve = Math.min(mostReserve, Math.max(leastReserve, total * reservedShare));
  const left = Math.max(0, Math.min(total, free + ownBytes) - reserve);
  const names = await llama.getGpuDeviceNames();
  return { name: names.join(l10n.t(" and ")), bytes: Math.floor(Math.min(left, capBytes)), unified: unifiedSize > 0 };
}
