/** libggml-flash, through the addon: typed here, implemented in src/addon/addon.cpp. */
import { createRequire } from "node:module";
import { estimate } from "../estimate.js";
import { ErrorCode, type FlashStats, type Plan, type PlanParams, type Sparsity } from "../protocol.js";
import { engineError } from "./errors.js";
import { addonPath } from "./platform.js";

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
  computeBytes: number;
  stagingBytes: number;
  processBytes: number;
  vocabularyBytes: number;
}
interface NativeSpeed {
  diskBytesPerSecond: number;
  computeBytesPerSecond: number;
  usedBytesPerToken: number;
  readBytesPerToken: number;
}
/** Since the process started. */
interface NativeStats {
  usedBytes: number;
  readBytes: number;
  wastedBytes: number;
  reads: number;
  /** Now. */
  warmingBytes: number;
  /** Whatever was read for; `readMs` is the time it took. */
  diskBytes: number;
  readMs: number;
  /** Now. */
  silentMs: number;
  firstLayerMs: number;
}
type NativeRequest = [
  modelPath: string,
  ramCapBytes: number,
  contextTokens: number,
  threads: number,
  diskMs: number,
  sparsity: number,
];
interface Addon {
  plan(...request: NativeRequest): NativePlan;
  measure(...request: NativeRequest): NativePlan & NativeSpeed;
  configure(...request: [...NativeRequest, tracePath?: string]): NativePlan;
  outlinePath(): string | undefined;
  deconfigure(): void;
  keepExperts(): void;
  stats(): NativeStats;
  setAbort(abort: boolean): void;
  setTokenByToken(on: boolean): void;
  takeError(): string | undefined;
}

/** Long enough for a disk's bandwidth to show, short enough to be unnoticed. */
const briefMs = 120;

/** Of flash.h. */
const sparsities: Record<Sparsity, number> = { exact: 0, predict: 1, dense: 2 };

const toNative = (
  { modelPath, ramCapBytes, contextTokens = 0, threads, sparsity = "exact" }: FlashRequest,
  diskMs: number,
): NativeRequest => [modelPath, ramCapBytes, contextTokens, threads, diskMs, sparsities[sparsity]];

/** What a plan depends on, beside the file. */
export interface FlashRequest extends PlanParams {
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
}

/** The backend of this process. Only after node-llama-cpp has loaded ggml and, with it, our backend. */
export class Flash {
  readonly #addon: Addon = createRequire(import.meta.url)(addonPath);

  constructor() {
    // The client may leave without unloading the model.
    process.once("exit", () => this.#addon.keepExperts());
  }

  /** @throws ResponseError NotAModel or InvalidArgument. */
  plan(request: FlashRequest): FlashPlan {
    return describe(this.#call(() => this.#addon.plan(...toNative(request, 0))));
  }

  /** As plan, with the estimate: measures the disk for `diskMs` and, briefly, the processor. Also throws ReadFailed. */
  measuredPlan(request: FlashRequest): FlashPlan {
    const native = this.#call(() => this.#addon.measure(...toNative(request, request.diskMs ?? briefMs)));
    const { plan, ...rest } = describe(native);
    const { diskBytesPerSecond, computeBytesPerSecond, usedBytesPerToken, readBytesPerToken } = native;
    if (diskBytesPerSecond === 0 || computeBytesPerSecond === 0) return { plan, ...rest };
    const measured = { diskBytesPerSecond, computeBytesPerSecond, usedBytesPerToken, readBytesPerToken };
    return { plan: { ...plan, estimatedTokensPerSecond: estimate(plan.weights, measured), measured }, ...rest };
  }

  /**
   * As plan, and the next model that llama.cpp loads is served by it, with the contexts that are made of it until
   * `deconfigure`. Also throws ReadFailed.
   * @param tracePath records the routing of experts there
   */
  configure(request: FlashRequest, tracePath?: string): FlashPlan {
    return describe(this.#call(() => this.#addon.configure(...toNative(request, 0), tracePath)));
  }

  /** The file that llama.cpp is to load instead of the model that was configured: it reads less. Gone after `deconfigure`. */
  get outlinePath(): string | undefined {
    return this.#addon.outlinePath();
  }

  /** Models loaded from now on are not served. */
  deconfigure(): void {
    this.#addon.deconfigure();
  }

  /** Ends the computation that runs, within one operation, until it is called with false. */
  setAbort(abort: boolean): void {
    this.#addon.setAbort(abort);
  }

  /** Each token of a small batch is computed alone: what is accepted of a guess is what decoding would have given. */
  setTokenByToken(on: boolean): void {
    this.#addon.setTokenByToken(on);
  }

  /** Starts a pass that uses so many bytes of weights: the returned function tells the share that is done. */
  share(passBytes: number): () => number {
    const start = this.#addon.stats().usedBytes;
    return () => (this.#addon.stats().usedBytes - start) / passBytes;
  }

  /** For how long the disk has given nothing of reads that are under way, in milliseconds; 0 where none is. */
  get silentMs(): number {
    return this.#addon.stats().silentMs;
  }

  /** Of the experts that the pool begins with, bytes that are still to be read in the background. */
  get warmingBytes(): number {
    return this.#addon.stats().warmingBytes;
  }

  /** Why the last computation failed, once. */
  takeError(): string | undefined {
    return this.#addon.takeError();
  }

  /** Starts counting: the returned function tells what was read since, over so many tokens. */
  measure(): (tokens: number) => FlashStats {
    const start = this.#addon.stats();
    return (tokens) => {
      const now = this.#addon.stats();
      const readBytes = now.readBytes - start.readBytes;
      const wastedBytes = now.wastedBytes - start.wastedBytes;
      const usedBytes = now.usedBytes - start.usedBytes;
      const diskBytes = now.diskBytes - start.diskBytes;
      const readMs = now.readMs - start.readMs;
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

  #call<T>(body: () => T): T {
    try {
      return body();
    } catch (error) {
      const status = error instanceof Error && "status" in error ? error.status : undefined;
      const code = Object.values(ErrorCode).find((known) => known === status) ?? ErrorCode.InvalidArgument;
      throw engineError(code, error);
    }
  }
}

function describe(native: NativePlan): FlashPlan {
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
    computeBytes: native.computeBytes,
    stagingBytes: native.stagingBytes,
    processBytes: native.processBytes,
    draftBytes: 0,
    inlineBytes: 0,
  };
  const { microBatchTokens, vocabularyBytes, wholeCapBytes } = native;
  return { plan, microBatchTokens, vocabularyBytes, wholeCapBytes };
}
