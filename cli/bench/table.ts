/** A comparison in words and columns, for a terminal. */
import { basename } from "node:path";
import { formatSize } from "../../protocol/size.js";
import type { Comparison, Conditions, EngineSummary } from "./compare.js";
import type { Spread } from "./statistics.js";

/** Lines, each ended. */
export function table(comparison: Comparison): string {
  const { modelPath, modelBytes, ramCapBytes, contextTokens, tokens, pairs, stock, flash, peer, floor } = comparison;
  const share = Math.round((100 * ramCapBytes) / modelBytes);
  const title = [
    basename(modelPath),
    formatSize(modelBytes),
    `cap ${formatSize(ramCapBytes)} (${share}%)`,
    `context ${contextTokens}`,
    `${pairs.length} runs of ${tokens} tokens`,
  ].join(", ");
  const rows = [
    ["", "ms/token (min–max)", "tokens/s", "read/token", "peak memory"],
    ...(peer ? [engineRow(peer.name, peer)] : []),
    engineRow("stock, mmap", stock),
    engineRow("flint", flash),
    ...(floor
      ? [[`floor (${floor.bound})`, milliseconds(floor.msPerToken), rate(1000 / floor.msPerToken.median), "", ""]]
      : []),
  ];
  return [title, ...layOut(rows), ...conclusions(comparison)].map((line) => `${line}\n`).join("");
}

/** Columns one below the other. */
export function layOut(rows: string[][]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

export function engineRow(name: string, engine: EngineSummary): string[] {
  const { msPerToken, tokensPerSecond, readBytesPerToken, peakBytes } = engine;
  return [
    name,
    msPerToken ? milliseconds(msPerToken) : ending(engine),
    tokensPerSecond ? rate(tokensPerSecond.median) : "",
    readBytesPerToken ? formatSize(readBytesPerToken.median) : "",
    peakBytes === undefined ? "" : formatSize(peakBytes),
  ];
}

function conclusions(comparison: Comparison): string[] {
  const { pairs, stock, flash, peer, floor, speedup, peerSpeedup, overFloor } = comparison;
  const lines: string[] = [];
  if (speedup) lines.push(`flint is ${times(speedup)} as fast as stock, pair by pair`);
  if (peer && peerSpeedup) {
    const same = pairs.filter(({ peerSameTokens }) => peerSameTokens).length;
    lines.push(`flint is ${times(peerSpeedup)} as fast as ${peer.name}, same tokens in ${same} of ${peer.done} runs`);
  }
  if (overFloor) lines.push(`flint takes ${times(overFloor)} the floor`);
  if (floor)
    lines.push(`disk ${perSecond(floor.diskBytesPerSecond)}, weights ${perSecond(floor.computeBytesPerSecond)}`);
  const engines: [string, EngineSummary][] = [
    ["stock", stock],
    ["flint", flash],
    ...(peer ? [[peer.name, peer] as [string, EngineSummary]] : []),
  ];
  for (const [name, engine] of engines) {
    if (engine.killed + engine.failed > 0 && engine.done > 0) lines.push(`${name}: ${ending(engine)}`);
    if (engine.reason) lines.push(`${name} failed: ${engine.reason}`);
  }
  return [...lines, ...conditionLines(comparison)];
}

export function conditionLines(conditions: Conditions & { plainWeights: boolean; peer?: unknown }): string[] {
  const { cgroup, warmCaches, plainWeights, peer } = conditions;
  const lines: string[] = [];
  if (plainWeights)
    lines.push("stock without repacking: repacked weights are memory that it could not drop at the cap");
  if ("unavailable" in cgroup)
    lines.push(`${peer ? "only flint was" : "stock was not"} held to the cap: ${cgroup.unavailable}`);
  else
    lines.push(
      `each in a memory cgroup (v${cgroup.version}) of the cap${cgroup.swapHeld ? ", no swap" : "; swap was not limited"}`,
    );
  if (warmCaches !== undefined) lines.push(`caches were not cold: ${warmCaches}`);
  return lines;
}

function ending({ killed, failed }: EngineSummary): string {
  const parts = [killed > 0 ? `${killed} killed at the cap` : "", failed > 0 ? `${failed} failed` : ""];
  return parts.filter((part) => part !== "").join(", ");
}

const milliseconds = ({ median, min, max }: Spread) => `${digits(median)} (${digits(min)}–${digits(max)})`;
export const times = ({ median, min, max }: Spread) => `${median.toFixed(2)}× (${min.toFixed(2)}–${max.toFixed(2)})`;
const perSecond = ({ median, min, max }: Spread) =>
  `${(median / 1e9).toFixed(2)} GB/s (${(min / 1e9).toFixed(2)}–${(max / 1e9).toFixed(2)})`;
const rate = (value: number) => value.toFixed(value < 10 ? 2 : 1);
const digits = (value: number) => value.toFixed(value < 100 ? 1 : 0);
