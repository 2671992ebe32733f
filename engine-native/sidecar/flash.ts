/** libggml-flash, through the addon: typed here, implemented in src/addon/addon.cpp. */
import { createRequire } from "node:module";
import * as l10n from "@vscode/l10n";
import { engineError } from "../../protocol/errors.js";
import { estimate } from "../../protocol/estimate.js";
import {
  ErrorCode,
  type FlashStats,
  type GpuShare,
  type Plan,
  type PlanParams,
  type Sparsity,
} from "../../protocol/messages.js";
import type { GpuChoice, GpuRoom } from "./gpu.js";
import { memorySize } from "./language.js";
import { translated } from "./nativeErrors.js";
import { addonPath, backendPath } from "./platform.js";

interface NativePlan {
  fits: boolean;
  minimumCapBytes: number;
  wholeCapBytes: number;
  maximumContext: number;
  contextTokens: number;
  microBatchTokens: number;
  residentBytes: number;
  pinnedBytes: number;
  streamedBytes: number;
  rowReadBytes: number;
  expertCacheBytes: number;
  windowBytes: number;
  kvBytes: number;
  /** In Q8_0, else in F16. */
  kvQuantized: boolean;
  computeBytes: number;
  stagingBytes: number;
  processBytes: number;
  vocabularyBytes: number;
  layers: number;
  gpuLayers: number;
  gpuExpertLayers: number;
  gpuWeightBytes: number;
  gpuKvBytes: number;
  gpuComputeBytes: number;
}
interface NativeSpeed {
  diskBytesPerSecond: number;
  computeBytesPerSecond: number;
  checkBytesPerSecond: number;
  usedBytesPerToken: number;
  readBytesPerToken: number;
}
/** Of one model since it was opened. */
interface NativeStats {
  usedBytes: number;
  /** Used of what llama.cpp keeps in memory. */
  keptBytes: number;
  readBytes: number;
  wastedBytes: number;
  reads: number;
  /** Now. */
  warmingBytes: number;
  firstLayerMs: number;
}
/** Of the process since it started: all models share the disk. */
interface NativeDiskStats {
  /** Whatever was read for. */
  readBytes: number;
  /** The time in which reads were under way. */
  readMs: number;
  /** Now. */
  stalledMs: number;
}
type NativeRequest = [
  modelPath: string,
  ramCapBytes: number,
  contextTokens: number,
  threads: number,
  diskMs: number,
  sparsity: number,
  /** Absent: llama.cpp has no GPU. */
  gpuBytes: number | undefined,
  gpuIsUnified: boolean,
];
interface NativeModel {
  readonly loadPath: string;
  beginLoad(): void;
  endLoad(): void;
  stats(): NativeStats;
  setTokenByToken(on: boolean): void;
  keepExperts(): void;
  setAbort(abort: boolean): void;
  takeError(): string | undefined;
  close(): void;
}
interface Addon {
  load(backendPath: string): void;
  plan(...request: NativeRequest): NativePlan;
  measure(...request: NativeRequest): NativePlan & NativeSpeed;
  Model: new (...request: [...NativeRequest, tracePath?: string]) => NativeModel;
  diskStats(): NativeDiskStats;
}

/** Long enough for a disk's bandwidth to show, short enough to be unnoticed. */
const briefMs = 120;

/** Of flash.h. */
const sparsities: Record<Sparsity, number> = { exact: 0, predict: 1, dense: 2 };

const toNative = (
  { modelPath, ramCapBytes, contextTokens = 0, threads, sparsity = "exact", gpu }: FlashRequest,
  diskMs: number,
): NativeRequest => [
  ...([modelPath, ramCapBytes, contextTokens, threads, diskMs, sparsities[sparsity]] as const),
  ...([gpu?.bytes, gpu?.unified ?? false] as const),
];

/** What a plan depends on, beside the file. */
export interface FlashRequest extends PlanParams, GpuChoice {
  /** For arithmetic. */
  threads: number;
}

/** A plan, and how many tokens of a prompt go through the weights at once. */
export interface FlashPlan {
  plan: Plan;
  microBatchTokens: number;
  /** Of the plan's processBytes, those that this model is the cause of. */
  vocabularyBytes: number;
  /** The smallest cap with which all weights stay in memory; 0 for a converted model. */
  wholeCapBytes: number;
  /** As in the request. */
  gpu?: GpuRoom | undefined;
}

/** What plans. */
export type Planner = Pick<Flash, "plan" | "measuredPlan">;

/** The backend of this process, registered with ggml. Only after node-llama-cpp has loaded that. */
export class Flash {
  readonly #addon: Addon = createRequire(import.meta.url)(addonPath);
  readonly #open = new Set<NativeModel>();

  constructor() {
    this.#addon.load(backendPath);
    // The client may leave without unloading its models.
    process.once("exit", () => {
      for (const model of this.#open) model.keepExperts();
    });
  }

  /** @throws ResponseError NotAModel or InvalidArgument. */
  plan(request: FlashRequest): FlashPlan {
    return describe(
      call(() => this.#addon.plan(...toNative(request, 0))),
      request,
    );
  }

  /** As plan, with the estimate: measures the disk for `diskMs` and, briefly, the processor. Also throws ReadFailed. */
  measuredPlan(request: FlashRequest): FlashPlan {
    const native = call(() => this.#addon.measure(...toNative(request, request.diskMs ?? briefMs)));
    const { plan, ...rest } = describe(native, request);
    const { diskBytesPerSecond, computeBytesPerSecond, checkBytesPerSecond } = native;
    if (diskBytesPerSecond === 0 || computeBytesPerSecond === 0) return { plan, ...rest };
    const { usedBytesPerToken, readBytesPerToken } = native;
    // What it does alone is not measured; beside a disk it does not count.
    if (plan.gpu && readBytesPerToken === 0) return { plan, ...rest };
    const speeds = { diskBytesPerSecond, computeBytesPerSecond, checkBytesPerSecond };
    const measured = { ...speeds, usedBytesPerToken, readBytesPerToken };
    return { plan: { ...plan, estimatedTokensPerSecond: estimate(plan.weights, measured), measured }, ...rest };
  }

  /**
   * As plan, and opens the model's files. Also throws ReadFailed.
   * @param tracePath records the routing of experts there
   */
  open(request: FlashRequest, tracePath?: string): FlashModel {
    const native = call(() => new this.#addon.Model(...toNative(request, 0), tracePath));
    this.#open.add(native);
    const close = () => {
      this.#open.delete(native);
      native.close();
    };
    return new FlashModel(native, () => this.#addon.diskStats(), close);
  }

  /** For how long the disk has given nothing of reads that are under way, in milliseconds; 0 where none is. */
  get stalledMs(): number {
    return this.#addon.diskStats().stalledMs;
  }
}

/** A model that our backend serves, from before llama.cpp loads it until it is disposed. */
export class FlashModel implements Disposable {
  readonly #native: NativeModel;
  readonly #diskStats: () => NativeDiskStats;
  readonly #close: () => void;

  constructor(native: NativeModel, diskStats: () => NativeDiskStats, close: () => void) {
    this.#native = native;
    this.#diskStats = diskStats;
    this.#close = close;
  }

  /**
   * Has llama.cpp load it, and make its context.
   * @param work with the file that llama.cpp is to load, which may be gone afterwards. Nothing else may be loaded meanwhile:
   * llama.cpp does not tell whose weights it loads
   * @throws ResponseError InvalidState while another model is being loaded; what `work` throws
   */
  async load<T>(work: (path: string) => Promise<T>): Promise<T> {
    call(() => this.#native.beginLoad());
    try {
      return await work(this.#native.loadPath);
    } finally {
      this.#native.endLoad();
    }
  }

  /** Ends its computation that runs, within one operation, until it is called with false. */
  setAbort(abort: boolean): void {
    this.#native.setAbort(abort);
  }

  /** Each token of a small batch is computed alone: what is accepted of a guess is what decoding would have given. */
  setTokenByToken(on: boolean): void {
    this.#native.setTokenByToken(on);
  }

  /** Starts a pass that uses so many bytes of weights: the returned function tells the share that is done. */
  share(passBytes: number): () => number {
    const used = () => {
      const { usedBytes, keptBytes } = this.#native.stats();
      return usedBytes + keptBytes;
    };
    const start = used();
    return () => (used() - start) / passBytes;
  }

  /** Of the experts that the pool begins with, bytes that are still to be read in the background. */
  get warmingBytes(): number {
    return this.#native.stats().warmingBytes;
  }

  /** Why the last computation failed, once. */
  takeError(): string | undefined {
    const error = this.#native.takeError();
    return error === undefined ? undefined : translated(error);
  }

  /** Starts counting: the returned function tells what was read since, over so many tokens. */
  measure(): (tokens: number) => FlashStats {
    const start = this.#native.stats();
    const startDisk = this.#diskStats();
    return (tokens) => {
      const now = this.#native.stats();
      const disk = this.#diskStats();
      const readBytes = now.readBytes - start.readBytes;
      const wastedBytes = now.wastedBytes - start.wastedBytes;
      const usedBytes = now.usedBytes - start.usedBytes;
      const diskBytes = disk.readBytes - startDisk.readBytes;
      const readMs = disk.readMs - startDisk.readMs;
      return {
        readBytes,
        readBytesPerToken: tokens === 0 ? 0 : readBytes / tokens,
        wastedBytesPerToken: tokens === 0 ? 0 : wastedBytes / tokens,
        readsPerToken: tokens === 0 ? 0 : (now.reads - start.reads) / tokens,
        ...(diskBytes > 0 && readMs > 0 && { diskBytesPerSecond: (1000 * diskBytes) / readMs }),
        ...(now.firstLayerMs > 0 && { firstLayerMs: now.firstLayerMs }),
        // What was read ahead may not be used any more.
        hitRate: usedBytes === 0 ? 1 : Math.max(0, 1 - (readBytes - wastedBytes) / usedBytes),
      };
    };
  }

  /** The handle is closed. What llama.cpp has of the model is served until that is disposed. */
  [Symbol.dispose](): void {
    this.#close();
  }
}

function call<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    const status = error instanceof Error && "status" in error ? error.status : undefined;
    const code = Object.values(ErrorCode).find((known) => known === status) ?? ErrorCode.InvalidArgument;
    throw engineError(code, translated(error instanceof Error ? error.message : String(error)));
  }
}

function describe(native: NativePlan, { gpu, gpuRefusal }: GpuChoice): FlashPlan {
  const refusal = gpuRefusal ?? (gpu && native.gpuLayers === 0 ? whyNone(native, gpu) : undefined);
  const plan: Plan = {
    fits: native.fits,
    minimumCapBytes: native.minimumCapBytes,
    maximumContext: native.maximumContext,
    contextTokens: native.contextTokens,
    weights: {
      residentBytes: native.residentBytes,
      pinnedBytes: native.pinnedBytes,
      streamedBytes: native.streamedBytes,
      rowReadBytes: native.rowReadBytes,
      expertCacheBytes: native.expertCacheBytes,
      neuronCacheBytes: native.windowBytes,
    },
    kvBytes: native.kvBytes,
    ...(native.kvQuantized && { kvType: "Q8_0" as const }),
    computeBytes: native.computeBytes,
    stagingBytes: native.stagingBytes,
    processBytes: native.processBytes,
    draftBytes: 0,
    inlineBytes: 0,
    ...(gpu && native.gpuLayers > 0 && { gpu: shareOf(native, gpu) }),
    ...(refusal !== undefined && { gpuRefusal: { reason: refusal } }),
  };
  const { microBatchTokens, vocabularyBytes, wholeCapBytes } = native;
  return { plan, microBatchTokens, vocabularyBytes, wholeCapBytes, gpu };
}

const shareOf = (native: NativePlan, { name }: GpuRoom): GpuShare => ({
  name,
  layers: native.gpuLayers,
  ofLayers: native.layers,
  expertLayers: native.gpuExpertLayers,
  weightBytes: native.gpuWeightBytes,
  kvBytes: native.gpuKvBytes,
  computeBytes: native.gpuComputeBytes,
});

function whyNone({ windowBytes }: NativePlan, { name, bytes }: GpuRoom): string {
  if (windowBytes > 0) return l10n.t("Converted models run on the CPU only.");
  return l10n.t(
    "{0} has no room for a layer of this model ({1} may be used), or the RAM cap has none to load it. The model runs on the CPU only.",
    name,
    memorySize(bytes),
  );
}
