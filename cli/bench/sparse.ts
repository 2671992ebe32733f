/** A converted model beside its source under one cap: what each way to run it costs ("LLM in a flash", tables 2 and 3). */
import { basename, dirname, join } from "node:path";
import type { EngineKind, Sparsity } from "../../protocol/messages.js";
import { formatSize } from "../../protocol/size.js";
import { type Conditions, type EngineSummary, measureHeld, summary } from "./compare.js";
import { measureRun, type Run } from "./run.js";
import { type Spread, spread } from "./statistics.js";
import { conditionLines, engineRow, layOut, times } from "./table.js";

export interface SparseCase {
  /** The converted model and what it was made from; all files of both. */
  modelPath: string;
  sourcePath: string;
  files: readonly string[];
  /** Of the source. */
  sourceBytes: number;
  ramCapBytes: number;
  /** The least that the source runs with: nearly all of it is read for each token. */
  leastCapBytes: number;
  contextTokens: number;
  tokens: number;
  plainWeights: boolean;
  runs: number;
}

type Way = "stock" | "naive" | "dense" | "exact" | "predict";

const names: Record<Way, string> = {
  stock: "stock, mmap",
  naive: "naive: the whole file for each token",
  dense: "half-resident: what fits is kept, the rest is streamed",
  exact: "exact",
  predict: "predict",
};
const ways = ["stock", "naive", "dense", "exact", "predict"] as const;

export interface SparseComparison extends Conditions, Omit<SparseCase, "files"> {
  ways: Record<Way, EngineSummary>;
  /** Time of each other way ÷ that of predict, run by run. */
  timesOfPredict: Partial<Record<Way, Spread>>;
}

/** The model that `path` was converted from, by its name; undefined where it is no converted model's. */
export function sourceOf(path: string): string | undefined {
  const [, stem] = /^(.+)-flash\.gguf$/.exec(basename(path)) ?? [];
  return stem === undefined ? undefined : join(dirname(path), `${stem}.gguf`);
}

/** @throws the signal's reason when interrupted */
export async function compareSparse(
  work: SparseCase,
  onRun: (name: string, index: number, run: Run) => void,
  signal: AbortSignal,
): Promise<SparseComparison> {
  const { files, ...described } = work;
  const { modelPath, sourcePath, ramCapBytes, leastCapBytes, contextTokens, tokens, plainWeights } = work;
  const conditions: Conditions = { cgroup: { unavailable: "nothing ran" } };
  const common = { contextTokens, tokens, plainWeights, ramCapBytes };
  const source = { ...common, modelPath: sourcePath };
  const converted = (sparsity: Sparsity) => ({ ...common, modelPath, sparsity });
  const workloads = {
    stock: source,
    naive: { ...source, ramCapBytes: leastCapBytes },
    dense: source,
    exact: converted("exact"),
    predict: converted("predict"),
  };
  const runs: Record<Way, Run[]> = { stock: [], naive: [], dense: [], exact: [], predict: [] };
  for (let index = 0; index < work.runs; index++) {
    for (const way of ways) {
      const engine: EngineKind = way === "stock" ? "stock" : "flash";
      const run = await measureHeld(
        ramCapBytes,
        files,
        conditions,
        (held) => measureRun(engine, workloads[way], held, signal),
        signal,
      );
      onRun(way, index, run);
      runs[way].push(run);
    }
  }
  const timesOfPredict: SparseComparison["timesOfPredict"] = {};
  for (const way of ways) {
    const ratios = spread(
      runs[way].flatMap((run, index) => {
        const predict = runs.predict[index];
        return run.outcome === "done" && predict?.outcome === "done" ? run.msPerToken / predict.msPerToken : [];
      }),
    );
    if (ratios && way !== "predict") timesOfPredict[way] = ratios;
  }
  const summaries = {
    stock: summary(runs.stock),
    naive: summary(runs.naive),
    dense: summary(runs.dense),
    exact: summary(runs.exact),
    predict: summary(runs.predict),
  };
  return { ...described, ...conditions, ways: summaries, timesOfPredict };
}

/** Lines, each ended. */
export function sparseTable(comparison: SparseComparison): string {
  const { modelPath, sourceBytes, ramCapBytes, contextTokens, tokens, runs } = comparison;
  const title = [
    basename(modelPath),
    `from ${formatSize(sourceBytes)}`,
    `cap ${formatSize(ramCapBytes)} (${Math.round((100 * ramCapBytes) / sourceBytes)}%)`,
    `context ${contextTokens}`,
    `${runs} runs of ${tokens} tokens`,
  ].join(", ");
  const rows = [["", "ms/token (min–max)", "tokens/s", "read/token", "peak memory", "predict is faster"]];
  for (const way of ways) {
    const ratio = comparison.timesOfPredict[way];
    rows.push([...engineRow(names[way], comparison.ways[way]), ratio ? times(ratio) : ""]);
  }
  const failures = ways.flatMap((way) => comparison.ways[way].reason ?? []);
  return [title, ...layOut(rows), ...failures, ...conditionLines(comparison)].map((line) => `${line}\n`).join("");
}
