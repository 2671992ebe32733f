/** Both engines with all of a model in memory, beside processes that compute all the time: what an editor's machine is like. */
import { basename } from "node:path";
import type { EngineKind } from "../../protocol/messages.js";
import { formatSize } from "../../protocol/size.js";
import { BusyProcesses } from "./processes.js";
import { measureRun, type Run, type Workload } from "./run.js";
import { type Spread, spread } from "./statistics.js";
import { layOut, times } from "./table.js";

export interface BusyCase extends Workload {
  /** Pairs of runs. */
  runs: number;
  /** Other processes; 0: the machine is as it is. */
  busy: number;
}

interface BusySummary {
  /** Of the runs that came to their end. */
  done: number;
  /** Why the first that did not come to its end failed. */
  reason?: string;
  /** Of each run the mean, the median and the 95th percentile of its tokens. */
  meanMs?: Spread;
  medianMs?: Spread;
  p95Ms?: Spread;
  timeToFirstTokenMs?: Spread;
  /** The 95th percentile of a token's time ÷ the median, run by run. */
  unevenness?: Spread;
  /** What the other processes computed, in rounds of theirs a second. */
  othersPerSecond?: Spread;
}

export interface BusyComparison extends Omit<BusyCase, "prompt"> {
  /** Of the machine. */
  processors: number;
  promptTokens: number;
  stock: BusySummary;
  flash: BusySummary;
  /** Pair by pair: times that flash generated, and gave its first token, as fast as stock. */
  speedup?: Spread;
  firstTokenSpeedup?: Spread;
  /** Time in which the other processes do the same work beside flash ÷ beside stock. */
  othersTime?: Spread;
  pairs: { stock: Run; flash: Run }[];
}

/** @throws the signal's reason when interrupted */
export async function compareBusy(
  { runs, busy, ...workload }: BusyCase,
  processors: number,
  onRun: (engine: EngineKind, index: number, run: Run) => void,
  signal: AbortSignal,
): Promise<BusyComparison> {
  const pairs: BusyComparison["pairs"] = [];
  for (let index = 0; index < runs; index++) {
    const measure = async (engine: EngineKind) => {
      const others = await BusyProcesses.start(busy);
      try {
        const run = await measureRun(engine, workload, undefined, signal, () => others.rounds());
        onRun(engine, index, run);
        return run;
      } finally {
        others[Symbol.dispose]();
      }
    };
    // In turn, so that a machine that gets slower or faster does not favour one.
    const stockFirst = index % 2 === 0;
    const first = await measure(stockFirst ? "stock" : "flash");
    const second = await measure(stockFirst ? "flash" : "stock");
    pairs.push(stockFirst ? { stock: first, flash: second } : { stock: second, flash: first });
  }
  const { prompt: _, ...described } = workload;
  return { ...described, runs, busy, processors, ...concludeBusy(pairs) };
}

type Conclusion = Omit<BusyComparison, keyof BusyCase | "processors">;

/** What all pairs come to. */
export function concludeBusy(pairs: BusyComparison["pairs"]): Conclusion {
  const done = pairs.flatMap(({ stock, flash }) =>
    stock.outcome === "done" && flash.outcome === "done" ? [{ stock, flash }] : [],
  );
  const speedup = spread(done.map(({ stock, flash }) => stock.msPerToken / flash.msPerToken));
  const first = spread(done.map(({ stock, flash }) => stock.timeToFirstTokenMs / flash.timeToFirstTokenMs));
  const othersTime = spread(
    done.flatMap(({ stock, flash }) =>
      stock.othersPerSecond && flash.othersPerSecond ? stock.othersPerSecond / flash.othersPerSecond : [],
    ),
  );
  return {
    promptTokens: done[0]?.flash.promptTokens.length ?? 0,
    stock: summarize(pairs.map(({ stock }) => stock)),
    flash: summarize(pairs.map(({ flash }) => flash)),
    ...(speedup && { speedup }),
    ...(first && { firstTokenSpeedup: first }),
    ...(othersTime && { othersTime }),
    pairs,
  };
}

function summarize(runs: readonly Run[]): BusySummary {
  const done = runs.filter((run) => run.outcome === "done");
  const failed = runs.find((run) => run.outcome !== "done");
  const reason = failed?.outcome === "failed" ? failed.reason : failed?.outcome;
  const times = done.flatMap(({ tokenMs }) => tokenMs ?? []);
  const spreads = {
    meanMs: spread(done.map(({ msPerToken }) => msPerToken)),
    medianMs: spread(times.map(({ median }) => median)),
    p95Ms: spread(times.map(({ p95 }) => p95)),
    timeToFirstTokenMs: spread(done.map(({ timeToFirstTokenMs }) => timeToFirstTokenMs)),
    unevenness: spread(times.map(({ median, p95 }) => p95 / median)),
    othersPerSecond: spread(done.flatMap(({ othersPerSecond }) => othersPerSecond ?? [])),
  };
  const known = Object.fromEntries(Object.entries(spreads).filter(([, value]) => value !== undefined));
  return { done: done.length, ...(reason !== undefined && { reason }), ...known };
}

/** Lines, each ended. */
export function busyTable(comparison: BusyComparison): string {
  const { modelPath, ramCapBytes, tokens, promptTokens, runs, busy, processors, stock, flash } = comparison;
  const title = [
    basename(modelPath),
    `cap ${formatSize(ramCapBytes)}`,
    `${busy} busy ${busy === 1 ? "process" : "processes"} on ${processors} processors`,
    `prompt of ${promptTokens} tokens`,
    `${runs} runs of ${tokens} tokens`,
  ].join(", ");
  const rows = [
    ["", "ms/token (min–max)", "tokens/s", "median token", "p95", "first token"],
    row("stock", stock),
    row("flint", flash),
  ];
  const lines: string[] = [];
  const { speedup, firstTokenSpeedup, othersTime } = comparison;
  if (speedup) lines.push(`flint generates ${times(speedup)} as fast as stock, pair by pair`);
  if (firstTokenSpeedup) lines.push(`its first token comes ${times(firstTokenSpeedup)} as fast`);
  for (const [name, { unevenness }] of [["stock", stock] as const, ["flint", flash] as const]) {
    if (unevenness) lines.push(`${name}: p95 of a token is ${times(unevenness)} its median`);
  }
  if (othersTime) lines.push(`the other processes take ${times(othersTime)} the time that they take beside stock`);
  for (const [name, { reason }] of [["stock", stock] as const, ["flint", flash] as const]) {
    if (reason !== undefined) lines.push(`${name} failed: ${reason}`);
  }
  return [title, ...layOut(rows), ...lines].map((line) => `${line}\n`).join("");
}

function row(name: string, { meanMs, medianMs, p95Ms, timeToFirstTokenMs }: BusySummary): string[] {
  return [
    name,
    meanMs ? milliseconds(meanMs) : "",
    meanMs ? (1000 / meanMs.median).toFixed(1) : "",
    medianMs ? milliseconds(medianMs) : "",
    p95Ms ? milliseconds(p95Ms) : "",
    timeToFirstTokenMs ? milliseconds(timeToFirstTokenMs) : "",
  ];
}

const digits = (value: number) => value.toFixed(value < 100 ? 1 : 0);
const milliseconds = ({ median, min, max }: Spread) => `${digits(median)} (${digits(min)}–${digits(max)})`;
