// What the parts of npm test take, for the end of its output.
import path from "node:path";

/**
 * @typedef {object} Timed
 * @property {string} part of the tests: the folder below test, or `unit`
 * @property {string} name of what ran
 * @property {number} seconds
 */

const slowest = 10;

/**
 * @param {{ name: string, startTime: number, endTime: number }[]} files of vitest's JSON report; times in milliseconds
 * @param {string} root of the checkout
 * @returns {Timed[]}
 */
export function timesOf(files, root) {
  return files.map(({ name, startTime, endTime }) => {
    const file = path.relative(root, name).replaceAll(path.sep, "/");
    const [, part = "unit"] = /^test\/(\w+)\//.exec(file) ?? [];
    return { part, name: file, seconds: (endTime - startTime) / 1000 };
  });
}

/**
 * Two small tables: all parts, and the slowest of what ran.
 * @param {Timed[]} times
 * @returns {string}
 */
export function timesTable(times) {
  /** @type {Map<string, number>} */
  const parts = new Map();
  for (const { part, seconds } of times) parts.set(part, (parts.get(part) ?? 0) + seconds);
  const byTime = (/** @type {[string, number][]} */ rows) => rows.sort(([, a], [, b]) => b - a);
  const lines = (/** @type {[string, number][]} */ rows) =>
    rows.map(([name, seconds]) => `${seconds.toFixed(1).padStart(8)}  ${name}`);
  const files = byTime(times.map(({ name, seconds }) => [name, seconds])).slice(0, slowest);
  return [
    "Seconds by part (some ran side by side):",
    ...lines(byTime([...parts])),
    `Seconds of the slowest ${files.length}:`,
    ...lines(files),
  ].join("\n");
}
