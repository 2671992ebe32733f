/** Comparisons as bars: a picture that is legible on a light and on a dark page. */
import { basename } from "node:path";
import { formatSize } from "../../protocol/size.js";
import type { BusyComparison } from "./busy.js";
import type { Comparison } from "./compare.js";
import type { Spread } from "./statistics.js";

interface Bar {
  label: string;
  kind: "peer" | "stock" | "flash" | "floor";
  value?: Spread;
  /** Instead of a bar. */
  note: string;
}

/** In units of the drawing. */
const size = { width: 720, left: 96, right: 120, row: 30, bar: 18, title: 34, top: 12, foot: 28 };

/** Of both engines under a cap. */
export const chart = (comparisons: readonly Comparison[]): string =>
  draw(comparisons.map((comparison) => ({ title: title(comparison), bars: bars(comparison) })));

/** Of both engines beside other processes. */
export const busyChart = (comparisons: readonly BusyComparison[]): string =>
  draw(comparisons.map((comparison) => ({ title: busyTitle(comparison), bars: busyBars(comparison) })));

/** An SVG of milliseconds per token: a bar to the median, a whisker from the least to the most. */
function draw(groups: readonly { title: string; bars: readonly Bar[] }[]): string {
  const most = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ value }) => value?.max ?? 0)));
  const x = (ms: number) => round(size.left + (ms / most) * (size.width - size.left - size.right));
  const parts: string[] = [];
  let y = size.top;
  for (const { title, bars } of groups) {
    parts.push(`<text class="title" x="0" y="${y + 18}">${escaped(title)}</text>`);
    y += size.title;
    for (const bar of bars) {
      parts.push(...drawn(bar, y, x));
      y += size.row;
    }
    y += size.top;
  }
  parts.push(`<text class="note" x="0" y="${y + 14}">ms per token, less is better; lines from least to most</text>`);
  const height = y + size.foot;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" width="${size.width}" height="${height}" role="img" aria-label="Milliseconds per token">
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.note { fill: #59636e }
.peer { fill: #8250df } .stock { fill: #9a6700 } .flash { fill: #0969da } .floor { fill: #8c959f }
.whisker { stroke: #1f2328; stroke-width: 1.5; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .note { fill: #9198a1 }
  .peer { fill: #a371f7 } .stock { fill: #d29922 } .flash { fill: #4493f8 } .floor { fill: #656c76 }
  .whisker { stroke: #f0f6fc }
}
</style>
${parts.join("\n")}
</svg>
`;
}

const title = ({ modelPath, modelBytes, ramCapBytes }: Comparison) =>
  `${basename(modelPath)} (${formatSize(modelBytes)}), cap ${formatSize(ramCapBytes)}`;

const bar = (label: string, kind: Bar["kind"], value: Spread | undefined, note: string): Bar =>
  value ? { label, kind, value, note } : { label, kind, note };

const busyTitle = ({ modelPath, busy, processors }: BusyComparison) =>
  `${basename(modelPath)}, ${busy === 0 ? "nothing else running" : `beside ${busy} busy processes`}, ${processors} processors`;

function busyBars({ stock, flash, speedup }: BusyComparison): Bar[] {
  const ended = (value: Spread | undefined) => (value ? `${Math.round(value.median)}` : "failed");
  const faster = speedup ? ` (${speedup.median.toFixed(2)}× stock)` : "";
  return [
    bar("stock", "stock", stock.meanMs, ended(stock.meanMs)),
    bar("flint", "flash", flash.meanMs, ended(flash.meanMs) + faster),
  ];
}

function bars({ stock, flash, peer, floor, speedup, peerSpeedup }: Comparison): Bar[] {
  const ended = (value: Spread | undefined, killed: number) =>
    value ? `${Math.round(value.median)}` : killed > 0 ? "killed at the cap" : "failed";
  const than = (name: string, times: Spread | undefined) => (times ? [`${times.median.toFixed(2)}× ${name}`] : []);
  const ratios = [...than("stock", speedup), ...than(peer?.name ?? "", peerSpeedup)].join(", ");
  const faster = ratios === "" ? "" : ` (${ratios})`;
  return [
    ...(peer ? [bar(peer.name, "peer", peer.msPerToken, ended(peer.msPerToken, peer.killed))] : []),
    bar("stock, mmap", "stock", stock.msPerToken, ended(stock.msPerToken, stock.killed)),
    bar("flint", "flash", flash.msPerToken, ended(flash.msPerToken, flash.killed) + faster),
    ...(floor ? [bar("floor", "floor", floor.msPerToken, ended(floor.msPerToken, 0))] : []),
  ];
}

function drawn({ label, kind, value, note }: Bar, y: number, x: (ms: number) => number): string[] {
  const middle = y + size.bar / 2;
  const text = (at: number, content: string) => `<text x="${at}" y="${middle + 5}">${escaped(content)}</text>`;
  if (!value) return [text(0, label), text(size.left, note)];
  const { median, min, max } = value;
  const [low, high] = [x(min), x(max)];
  return [
    text(0, label),
    `<rect class="${kind}" x="${size.left}" y="${y}" width="${round(x(median) - size.left)}" height="${size.bar}" rx="2"/>`,
    `<path class="whisker" d="M${low} ${middle - 4}v8M${low} ${middle}H${high}M${high} ${middle - 4}v8"/>`,
    text(round(high + 8), note),
  ];
}

const round = (value: number) => Math.round(value * 10) / 10;
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
