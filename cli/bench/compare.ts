/** Stock and flash in turn on the same model, under the same cap, beside the floor: what a person may conclude from it. */

import type { EngineKind } from "../../protocol/messages.js";
import { createMemoryCgroup, type MemoryCgroup, NoCgroup } from "./cgroup.js";
import type { Floor } from "./floor.js";
import { dropFromPageCache } from "./pageCache.js";
import { measureRun, type Run, type Workload } from "./run.js";
import { type Spread, spread } from "./statistics.js";

/** Another program that generates with the same weights. */
export interface Peer {
  /** With its version. */
  name: string;
  /** All files of its copy of the model. */
  files: readonly string[];
  /** A run that fails is a result. @throws the signal's reason when interrupted; the program is gone by then */
  run(
    promptTokens: readonly number[],
    tokens: number,
    cgroup: MemoryCgroup | undefined,
    signal: AbortSignal,
  ): Promise<Run>;
}

export interface Case extends Workload {
  /** All files of the model. */
  files: readonly string[];
  /** Pairs of runs. */
  runs: number;
  peer?: Peer;
}

/** One run of each engine, right after the other, and the floor at that time. */
export interface Pair {
  stock: Run;
  flash: Run;
  peer?: Run;
  floor?: Floor;
  /** Times that flash was as fast as stock; absent unless both ran to their end. */
  speedup?: number;
  /** Times that flash was as fast as the peer. */
  peerSpeedup?: number;
  /** Whether the peer gave the same tokens as flash: proof that it has the same weights. */
  peerSameTokens?: boolean;
  /** Time of flash ÷ the floor's. */
  overFloor?: number;
  /** Whether both gave the same tokens. */
  sameTokens?: boolean;
}

export interface EngineSummary {
  /** Runs that came to their end, that the kernel killed for the cap, and that failed otherwise. */
  done: number;
  killed: number;
  failed: number;
  /** Why the first that failed did. */
  reason?: string;
  msPerToken?: Spread;
  tokensPerSecond?: Spread;
  timeToFirstTokenMs?: Spread;
  /** From the disk, after the first token. */
  readBytesPerToken?: Spread;
  /** The highest of all runs: of the cgroup, page cache included, or without one the resident size. */
  peakBytes?: number;
  residentPeakBytes?: number;
}

/** What the runs had in common, apart from the work. */
export interface Conditions {
  /** How all were held to the cap, or why only flash was: by its own plan. */
  cgroup: { version: 1 | 2; swapHeld: boolean } | { unavailable: string };
  /** What kept the caches from being cold before each run; absent when they were. */
  warmCaches?: string;
}

export interface Comparison extends Conditions {
  modelPath: string;
  modelBytes: number;
  ramCapBytes: number;
  contextTokens: number;
  tokens: number;
  /** Whether stock kept weights as they are in the file: see {@link Workload.plainWeights}. */
  plainWeights: boolean;
  stock: EngineSummary;
  flash: EngineSummary;
  peer?: EngineSummary & { name: string };
  floor?: { msPerToken: Spread; bound: Floor["bound"]; diskBytesPerSecond: Spread; computeBytesPerSecond: Spread };
  /** Pair by pair. */
  speedup?: Spread;
  peerSpeedup?: Spread;
  overFloor?: Spread;
  pairs: Pair[];
}

/** Called with each run as it ends. */
export type OnRun = (engine: string, index: number, run: Run) => void;

/** @throws the signal's reason when interrupted; what the planning sidecar refuses. */
export async function compare(work: Case, modelBytes: number, onRun: OnRun, signal: AbortSignal): Promise<Comparison> {
  const { files, runs, peer, ...workload } = work;
  const { modelPath, ramCapBytes, contextTokens, tokens, plainWeights } = workload;
  const pairs: Pair[] = [];
  const conditions: Conditions = { cgroup: { unavailable: "nothing ran" } };
  const inGroup = (cold: readonly string[], measured: Measure) =>
    measureHeld(ramCapBytes, cold, conditions, measured, signal);
  const measure = async (engine: EngineKind, index: number): Promise<Run> => {
    const run = await inGroup(files, (held) => measureRun(engine, workload, held, signal));
    onRun(engine, index, run);
    return run;
  };
  for (let index = 0; index < runs; index++) {
    const stock = await measure("stock", index);
    const flash = await measure("flash", index);
    const measured = pair(stock, flash, flash.outcome === "done" ? flash.floor : undefined);
    if (peer) {
      const prompt = [flash, stock].find((run) => run.outcome === "done")?.promptTokens;
      const run: Run = prompt
        ? await inGroup(peer.files, (held) => peer.run(prompt, workload.tokens, held, signal))
        : { outcome: "failed", reason: "no engine read the prompt" };
      onRun(peer.name, index, run);
      pairs.push(withPeer(measured, run));
    } else {
      pairs.push(measured);
    }
  }
  return {
    modelPath,
    plainWeights,
    modelBytes,
    ramCapBytes,
    contextTokens,
    tokens,
    ...conditions,
    ...conclude(pairs, peer?.name),
  };
}

type Measure = (held: MemoryCgroup | undefined) => Promise<Run>;

/** A run that begins with cold caches, in a memory cgroup of its own. Tells in `conditions` what was not to be had. */
export async function measureHeld(
  heldBytes: number,
  files: readonly string[],
  conditions: Conditions,
  measured: Measure,
  signal: AbortSignal,
): Promise<Run> {
  const warm = conditions.warmCaches ?? (await dropFromPageCache(files, signal));
  if (warm !== undefined) conditions.warmCaches = warm;
  const group = await groupOrReason(heldBytes, signal);
  const held = typeof group === "string" ? undefined : group;
  conditions.cgroup =
    typeof group === "string" ? { unavailable: group } : { version: group.version, swapHeld: group.swapHeld };
  try {
    return await measured(held);
  } finally {
    await held?.remove();
  }
}

async function groupOrReason(limitBytes: number, signal: AbortSignal): Promise<MemoryCgroup | string> {
  try {
    return await createMemoryCgroup(limitBytes, signal);
  } catch (error) {
    if (error instanceof NoCgroup) return error.message;
    throw error;
  }
}

/** Two runs and the floor, and their ratios. */
export function pair(stock: Run, flash: Run, floor: Floor | undefined): Pair {
  const result: Pair = { stock, flash };
  if (floor) result.floor = floor;
  if (flash.outcome !== "done") return result;
  if (floor) result.overFloor = flash.msPerToken / floor.msPerToken;
  if (stock.outcome !== "done") return result;
  result.speedup = stock.msPerToken / flash.msPerToken;
  result.sameTokens = stock.tokens.join() === flash.tokens.join();
  return result;
}

/** A pair, and a run of the peer right after it. */
export function withPeer(measured: Pair, peer: Run): Pair {
  const { flash } = measured;
  if (flash.outcome !== "done" || peer.outcome !== "done") return { ...measured, peer };
  return {
    ...measured,
    peer,
    peerSpeedup: peer.msPerToken / flash.msPerToken,
    peerSameTokens: peer.tokens.join() === flash.tokens.join(),
  };
}

type Conclusion = Pick<
  Comparison,
  "stock" | "flash" | "peer" | "floor" | "speedup" | "peerSpeedup" | "overFloor" | "pairs"
>;

/** What all pairs come to. @param peerName of the program that ran beside, if one did */
export function conclude(pairs: Pair[], peerName?: string): Conclusion {
  const floors = pairs.flatMap(({ floor }) => floor ?? []);
  const speedup = spread(pairs.flatMap(({ speedup }) => speedup ?? []));
  const peerSpeedup = spread(pairs.flatMap(({ peerSpeedup }) => peerSpeedup ?? []));
  const overFloor = spread(pairs.flatMap(({ overFloor }) => overFloor ?? []));
  const msPerToken = spread(floors.map((floor) => floor.msPerToken));
  const diskBytesPerSecond = spread(floors.map((floor) => floor.diskBytesPerSecond));
  const computeBytesPerSecond = spread(floors.map((floor) => floor.computeBytesPerSecond));
  const ofDisk = floors.filter(({ bound }) => bound === "disk").length;
  return {
    stock: summary(pairs.map(({ stock }) => stock)),
    flash: summary(pairs.map(({ flash }) => flash)),
    ...(peerName === undefined
      ? {}
      : { peer: { name: peerName, ...summary(pairs.flatMap(({ peer }) => peer ?? [])) } }),
    ...(msPerToken && diskBytesPerSecond && computeBytesPerSecond
      ? {
          floor: {
            msPerToken,
            bound: 2 * ofDisk >= floors.length ? ("disk" as const) : ("compute" as const),
            diskBytesPerSecond,
            computeBytesPerSecond,
          },
        }
      : {}),
    ...(speedup ? { speedup } : {}),
    ...(peerSpeedup ? { peerSpeedup } : {}),
    ...(overFloor ? { overFloor } : {}),
    pairs,
  };
}

export function summary(runs: Run[]): EngineSummary {
  const done = runs.filter((run) => run.outcome === "done");
  const failed = runs.filter((run) => run.outcome === "failed");
  const result: EngineSummary = {
    done: done.length,
    killed: runs.length - done.length - failed.length,
    failed: failed.length,
  };
  const [first] = failed;
  if (first) result.reason = first.reason;
  const spreads = {
    msPerToken: spread(done.map(({ msPerToken }) => msPerToken)),
    tokensPerSecond: spread(done.map(({ msPerToken }) => 1000 / msPerToken)),
    timeToFirstTokenMs: spread(done.map(({ timeToFirstTokenMs }) => timeToFirstTokenMs)),
    readBytesPerToken: spread(done.flatMap(({ readBytesPerToken }) => readBytesPerToken ?? [])),
  };
  if (spreads.msPerToken) result.msPerToken = spreads.msPerToken;
  if (spreads.tokensPerSecond) result.tokensPerSecond = spreads.tokensPerSecond;
  if (spreads.timeToFirstTokenMs) result.timeToFirstTokenMs = spreads.timeToFirstTokenMs;
  if (spreads.readBytesPerToken) result.readBytesPerToken = spreads.readBytesPerToken;
  const resident = spread(done.map(({ residentPeakBytes }) => residentPeakBytes));
  if (resident) result.residentPeakBytes = resident.max;
  const peak = spread(runs.flatMap(({ cgroup }) => cgroup?.peakBytes ?? [])) ?? resident;
  if (peak) result.peakBytes = peak.max;
  return result;
}
